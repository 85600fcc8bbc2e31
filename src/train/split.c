#include "train/split.h"

#include "base/whole.h"
#include "num/tile.h"

Split split_new(long items, int leaf, int rank, int size) {
  Split split = {.items = items, .tiles = items / L, .leaf = leaf};
  split.leaves = (split.tiles + leaf - 1) / leaf;
  split.leaf_mine = range_of(split.leaves, rank, size);
  split.tile_mine.from = whole_min(split.leaf_mine.from * leaf, split.tiles);
  split.tile_mine.to = whole_min(split.leaf_mine.to * leaf, split.tiles);
  return split;
}

Range split_tiles(const Split *split, long i) {
  return (Range){i * split->leaf, whole_min((i + 1) * split->leaf, split->tiles)};
}
