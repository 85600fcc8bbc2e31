/* What lies inside a jet: axes, N-subjettiness, energy correlators. All with beta = 1 and angles
 * dR = sqrt(deta^2 + dphi^2) in pseudorapidity and phi; sums in double, in the order of the
 * constituents; of elementary functions only square roots.
 *
 * The axes are fixed, not minimised: exclusive kT (d_ij = min(pT_i, pT_j)^2 dR_ij^2, no beam)
 * with winner-take-all recombination (pT added, the direction of the harder one), clustered until
 * N are left. Ties go to what comes first in the list. Source: arXiv 1401.2158. */
#ifndef DATA_SUBSTRUCTURE_H
#define DATA_SUBSTRUCTURE_H

#include "data/jet.h"

enum { AXES_MOST = 3 };

/* tau[N-1] = sum_k pT_k min_a dR(k, a) / sum_k pT_k over N axes (R0 = 1); 0 when there are no
 * more than N constituents. Source: arXiv 1011.2268. */
void substructure_tau(double tau[AXES_MOST], const Constituent *c, int n);

/* C2 = e3 / e2^2, e2 = sum_{i<j} z_i z_j R_ij, e3 = sum_{i<j<k} z_i z_j z_k R_ij R_ik R_jk with
 * z the shares of pT; 0 for less than three constituents. Source: arXiv 1305.0007, section 2. */
double substructure_c2(const Constituent *c, int n);

#endif
