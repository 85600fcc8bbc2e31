#include "io/number.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

bool number_of(Number *number, hid_t type) {
  H5T_class_t class = H5Tget_class(type);
  int size = (int)H5Tget_size(type);
  if (class != H5T_FLOAT && class != H5T_INTEGER) return false;
  *number = (Number){.real = class == H5T_FLOAT,
                     .is_signed = class == H5T_FLOAT || H5Tget_sign(type) != H5T_SGN_NONE,
                     .swapped = size > 1 && H5Tget_order(type) != H5Tget_order(H5T_NATIVE_INT),
                     .size = size};
  if (number->real) return size == 4 || size == 8;
  return size == 1 || size == 2 || size == 4 || size == 8;
}

const char *number_name(char name[32], const Number *number) {
  const char *kind = number->real ? "float" : number->is_signed ? "int" : "uint";
  snprintf(name, 32, "%s%d%s", kind, 8 * number->size, number->swapped ? " (swapped)" : "");
  return name;
}

/* The number as 64 bits in this machine's order, not yet sign-extended. */
static uint64_t bits_of(const unsigned char *raw, const Number *number) {
  uint8_t b1;
  uint16_t b2;
  uint32_t b4;
  uint64_t b8;
  switch (number->size) {
  case 1:
    memcpy(&b1, raw, 1);
    return b1;
  case 2:
    memcpy(&b2, raw, 2);
    return number->swapped ? __builtin_bswap16(b2) : b2;
  case 4:
    memcpy(&b4, raw, 4);
    return number->swapped ? __builtin_bswap32(b4) : b4;
  default:
    memcpy(&b8, raw, 8);
    return number->swapped ? __builtin_bswap64(b8) : b8;
  }
}

static float real_of(uint64_t bits, int size) {
  if (size == 8) {
    double x;
    memcpy(&x, &bits, 8);
    return (float)x;
  }
  uint32_t low = (uint32_t)bits;
  float x;
  memcpy(&x, &low, 4);
  return x;
}

static float integer_of(uint64_t bits, const Number *number) {
  if (!number->is_signed) return (float)bits;
  int unused = 64 - 8 * number->size;
  return (float)((int64_t)(bits << unused) >> unused);
}

void number_read(float *out, const void *raw, const Number *number, long n) {
  if (number->real && number->size == 4 && !number->swapped) {
    memcpy(out, raw, (size_t)n * sizeof *out);
    return;
  }
  const unsigned char *at = raw;
  for (long i = 0; i < n; i++, at += number->size) {
    uint64_t bits = bits_of(at, number);
    out[i] = number->real ? real_of(bits, number->size) : integer_of(bits, number);
  }
}
