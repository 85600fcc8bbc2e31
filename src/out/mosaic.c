#include "mosaic.h"

#include <math.h>

#include "base/mem.h"

enum { GAP = 1 };

Frame frame_of(const Data *data) {
  if (data->rank < 3) return (Frame){1, (int)data->row};
  return (Frame){(int)data->dims[data->rank - 2], (int)data->dims[data->rank - 1]};
}

bool frame_is_image(Frame f) { return f.h > 1 && f.w > 1 && f.h <= 512 && f.w <= 512; }

Mosaic mosaic_new(int down, int across, Frame frame) {
  Mosaic m = {.down = down, .across = across, .frame = frame};
  m.rows = down * (frame.h + GAP) - GAP;
  m.columns = across * (frame.w + GAP) - GAP;
  m.value = MEM_NEW(double, "pictures", m.rows *m.columns);
  for (int i = 0; i < m.rows * m.columns; i++) m.value[i] = NAN;
  return m;
}

void mosaic_put(Mosaic *m, int down, int across, const double *a, const double *b) {
  for (int y = 0; y < m->frame.h; y++)
    for (int x = 0; x < m->frame.w; x++) {
      int from = y * m->frame.w + x;
      int row = down * (m->frame.h + GAP) + y, column = across * (m->frame.w + GAP) + x;
      m->value[row * m->columns + column] = b ? a[from] - b[from] : a[from];
    }
}

Picture mosaic_picture(const Mosaic *m, const char *name, const char *title) {
  return (Picture){.name = name,
                   .title = title,
                   .scale = "pixel",
                   .rows = m->rows,
                   .columns = m->columns,
                   .value = m->value};
}
