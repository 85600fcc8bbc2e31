#include "io/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/hdf.h"

static const char BLOCK[] = "values_block_";

/* Member i as an array of numbers; width 0 when it is something else. */
static TableMember member_at(hid_t type, unsigned i) {
  TableMember member = {.offset = H5Tget_member_offset(type, i)};
  char *name = H5Tget_member_name(type, i);
  snprintf(member.name, sizeof member.name, "%s", name ? name : "");
  if (name) H5free_memory(name);
  hid_t own = H5Tget_member_type(type, i), base = own;
  hsize_t width = 1;
  if (H5Tget_class(own) == H5T_ARRAY) {
    base = H5Tget_super(own);
    if (H5Tget_array_ndims(own) != 1 || H5Tget_array_dims2(own, &width) < 0) width = 0;
  }
  if (width <= 1 << 24 && number_of(&member.number, base)) member.width = (int)width;
  if (base != own) H5Tclose(base);
  H5Tclose(own);
  return member;
}

/* "index int64, values_block_0 float32[804]" */
static void describe(char *text, size_t size, hid_t type) {
  int n = H5Tget_nmembers(type);
  size_t used = 0;
  for (int i = 0; i < n && used < size; i++) {
    char kind[32] = "other", width[24] = "";
    TableMember m = member_at(type, (unsigned)i);
    if (m.width) number_name(kind, &m.number);
    if (m.width > 1) snprintf(width, sizeof width, "[%d]", m.width);
    used += (size_t)snprintf(text + used, size - used, "%s%s %s%s", i ? ", " : "", m.name, kind,
                             width);
  }
}

static void find_blocks(Table *table, hid_t dataset) {
  hid_t type = H5Dget_type(dataset);
  int n = H5Tget_nmembers(type);
  for (int i = 0; i < n; i++) {
    TableMember m = member_at(type, (unsigned)i);
    TableMember *to = m.number.real ? &table->real : &table->whole;
    if (!strncmp(m.name, BLOCK, strlen(BLOCK)) && m.width && !to->width) *to = m;
  }
  describe(table->members, sizeof table->members, type);
  H5Tclose(type);
}

/* A text attribute. Owns: the caller, free. NULL: not there. */
static char *text_attribute(hid_t dataset, const char *name) {
  if (H5Aexists(dataset, name) <= 0) return NULL;
  hid_t attribute = H5Aopen(dataset, name, H5P_DEFAULT);
  if (attribute < 0) return NULL;
  char *text = NULL;
  hid_t type = H5Aget_type(attribute);
  size_t size = H5Tget_size(type);
  if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 &&
      H5Aget_storage_size(attribute) == size)
    text = calloc(size + 1, 1);
  if (text && H5Aread(attribute, type, text) < 0) text[0] = 0;
  H5Tclose(type);
  H5Aclose(attribute);
  return text;
}

/* pandas notes the columns as a pickled list of text: a line "VE_0", then "aVPX_0" and so on,
 * with lines of other things between. */
static char *column_names(hid_t dataset, const TableMember *member) {
  char name[80], *line;
  snprintf(name, sizeof name, "%s_kind", member->name);
  char *pickle = text_attribute(dataset, name), *rest = pickle, *to = pickle;
  while (rest && (line = strsep(&rest, "\n"))) {
    if (line[0] == 'a') line++;
    if (line[0] != 'V') continue;
    size_t n = strlen(line + 1);
    memmove(to, line + 1, n);
    to[n] = '\n';
    to += n + 1;
  }
  if (pickle) *to = 0;
  if (to == pickle) free(pickle), pickle = NULL;
  return pickle;
}

int table_column(const TableMember *member, const char *name) {
  size_t n = strlen(name);
  const char *at = member->names;
  for (int column = 0; at && *at && column < member->width; column++) {
    size_t length = strcspn(at, "\n");
    if (length == n && !strncmp(at, name, n)) return column;
    at += length + 1;
  }
  return -1;
}

static Err no_table(const HdfList *list, const char *path) {
  char text[1024];
  hdf_list_text(text, sizeof text, list, 8);
  return err_user("%s: found %s, want one table that pandas wrote (compound records, such as "
                  "/table/table); for plain arrays say data.source=hdf5 data.x=/PATH",
                  path, text);
}

/* /table/table, else the file's only table. */
static Err find_table(char name[256], hid_t file, const char *path) {
  HdfList *list = MEM_NEW(HdfList, "list of data sets", 1);
  hdf_list(list, file);
  int tables = 0;
  for (int i = 0; i < list->n; i++) {
    if (!list->entry[i].is_table) continue;
    bool usual = !strcmp(list->entry[i].name, "/table/table");
    if (usual || !tables) snprintf(name, 256, "%s", list->entry[i].name);
    tables = usual ? 1 : tables + 1;
    if (usual) break;
  }
  Err e = tables == 1 ? OK : no_table(list, path);
  mem_free(&list);
  return e;
}

static Err open_dataset(Table *table, hid_t dataset, const char *path, const char *name) {
  find_blocks(table, dataset);
  if (!table->real.width)
    return err_user("%s: %s: found members %s, want values_block_0 float32[...] with the "
                    "four-momenta",
                    path, name, table->members);
  table->real.names = column_names(dataset, &table->real);
  if (table->whole.width) table->whole.names = column_names(dataset, &table->whole);
  TRY(chunks_open(&table->chunks, dataset, path, name));
  table->rows = table->chunks.dims[0];
  return OK;
}

Err table_open(Table *table, hid_t file, const char *path) {
  char name[256];
  hid_t dataset;
  *table = (Table){.chunks.fd = -1};
  TRY(find_table(name, file, path));
  TRY(hdf_dataset(&dataset, file, path, name));
  Err e = open_dataset(table, dataset, path, name);
  H5Dclose(dataset);
  if (e) table_close(table);
  return e;
}

void table_close(Table *table) {
  chunks_close(&table->chunks);
  free(table->real.names);
  free(table->whole.names);
  table->real.names = table->whole.names = NULL;
}

static void take_rows(const Table *table, const TablePart *part, const unsigned char *record,
                      long at, long n) {
  size_t first = part->member->offset + (size_t)part->first * (size_t)part->member->number.size;
  float *out = part->out + at * part->count;
  for (long r = 0; r < n; r++, out += part->count, record += table->chunks.item)
    number_read(out, record + first, &part->member->number, part->count);
}

Err table_read(const Table *table, const TablePart *part, int parts, long from, long to) {
  long height = table->chunks.chunk[0];
  ChunkRoom room = chunkroom_new(&table->chunks);
  Err e = OK;
  for (long at = from; !e && at < to;) {
    const unsigned char *data;
    long i = at / height, skip = at % height;
    long n = height - skip < to - at ? height - skip : to - at;
    e = chunks_load(&table->chunks, &data, &room, i);
    for (int p = 0; !e && p < parts; p++)
      take_rows(table, &part[p], data + (size_t)skip * table->chunks.item, at - from, n);
    at += n;
  }
  chunkroom_free(&room);
  return e;
}
