/* Toy jets: QCD-like (one hard prong, an angular-ordered parton shower) and top-like (t -> b W ->
 * b q q', each prong showered), pT 550 to 650 GeV. Jet i is a pure function of (seed, i): the
 * same for any number of ranks. Not for physics; for trying things where no data are. */
#ifndef DATA_TOY_H
#define DATA_TOY_H

#include <stdint.h>

enum { TOY_SLOTS = 200 };

/* p4 (TOY_SLOTS, 4) E, px, py, pz in GeV, pT-descending, zero padded; label 0 QCD, 1 top (every
 * second jet by a hashed coin); truth (4) of the top, zero for QCD. */
void toy_jet(float *p4, int8_t *label, float *truth, uint64_t seed, uint64_t jet);

#endif
