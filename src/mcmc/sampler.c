#include "mcmc/sampler.h"

#include <string.h>

#include "num/rows.h"

ISA_DECLARE(Sampler, langevin);
ISA_DECLARE(Sampler, mala);

const Sampler *sampler_at(int i) {
  const Sampler *const all[] = {ISA_PICK(langevin), ISA_PICK(mala)};
  return i >= 0 && (size_t)i < sizeof all / sizeof *all ? all[i] : NULL;
}

const Sampler *sampler_find(const char *name) {
  const Sampler *sampler;
  for (int i = 0; (sampler = sampler_at(i)); i++)
    if (!strcmp(name, sampler->name)) return sampler;
  return NULL;
}

/* mala: two arrays in double and three in float; langevin: two. */
size_t sampler_scratch(long dim) { return 7 * (size_t)dim * L; }

void sampler_start(float *z, long dim, bool sphere, RngKey key, const uint64_t chain[L],
                   uint32_t step) {
  rows()->normals(z, key, chain, step, dim);
  if (sphere) rows()->unit(z, dim);
}
