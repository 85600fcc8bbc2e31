/* A tile is sixteen samples, one per SIMD lane: x[feature][16]. It is the unit of work for
 * everything: a thread takes a tile, a tile of sixteen Markov chains runs on its own, and a
 * sample's arithmetic depends neither on its neighbours in the tile nor on the rank that holds
 * it. */
#ifndef NUM_TILE_H
#define NUM_TILE_H

enum { L = 16 }; /* lanes: samples of a tile */

/* Tiles that n samples fill. */
static inline long tile_count(long n) { return (n + L - 1) / L; }

#endif
