#include "train/packet.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

Packet packet_new(size_t n_params, long plus_tiles, long minus_tiles, size_t n_spread,
                  size_t n_code) {
  Packet packet = {.n_params = n_params,
                   .n = n_params,
                   .tiles = {[TILE_PLUS] = plus_tiles,
                             [TILE_MINUS] = minus_tiles,
                             [TILE_MINUS_SQUARE] = minus_tiles,
                             [TILE_PENALTY] = plus_tiles},
                   .n_spread = n_spread,
                   .n_code = n_code};
  for (int i = 0; i < TILE_SUMS; i++) {
    packet.tile_at[i] = packet.n;
    packet.n += (size_t)packet.tiles[i];
  }
  packet.count_at = packet.n;
  packet.spread_at = packet.count_at + COUNTS;
  packet.code_at = packet.spread_at + n_spread + 1;
  packet.n = packet.code_at + n_code + 1;
  packet.word = MEM_NEW(int64_t, "reduction", packet.n);
  return packet;
}

void packet_free(Packet *packet) { mem_free(&packet->word); }

void packet_clear(Packet *packet) {
  memset(packet->word + packet->n_params, 0, (packet->n - packet->n_params) * sizeof(int64_t));
}

void packet_set(Packet *packet, TileSum which, long tile, double value) {
  memcpy(packet->word + packet->tile_at[which] + tile, &value, sizeof value);
}

int64_t *packet_counts(Packet *packet) { return packet->word + packet->count_at; }
int64_t *packet_spread(Packet *packet) { return packet->word + packet->spread_at; }
int64_t *packet_code(Packet *packet) { return packet->word + packet->code_at; }

double packet_sum(const Packet *packet, TileSum which) {
  double sum = 0;
  for (long t = 0; t < packet->tiles[which]; t++) {
    double value;
    memcpy(&value, packet->word + packet->tile_at[which] + t, sizeof value);
    sum += value;
  }
  return sum;
}

void spread_add(int64_t *spread, size_t n_spread, const float *state) {
  const double unit = 1 << SPREAD_BITS, most = 1 << 20;
  double square = 0;
  for (size_t i = 0; i < n_spread; i++) {
    double x = fabs((double)state[i]) < most ? (double)state[i] : 0; /* NaN, too: not cast */
    spread[i] += llrint(x * unit);
    square += x * x;
  }
  spread[n_spread] += llrint(square < most * most ? square * unit : 0);
}

double packet_diversity(const Packet *packet, int64_t chains) {
  const int64_t *spread = packet->word + packet->spread_at;
  double unit = (1 << SPREAD_BITS) * (double)chains, mean_square = 0;
  double square = (double)spread[packet->n_spread] / unit;
  if (!(square > 0)) return 0;
  for (size_t i = 0; i < packet->n_spread; i++) {
    double mean = (double)spread[i] / unit;
    mean_square += mean * mean;
  }
  return 1 - mean_square / square;
}
