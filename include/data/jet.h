/* From the four-momenta of a jet's constituents to a sample: the jet image of the Heidelberg
 * group, with the gaps closed. Source: arXiv 2206.14225, section 2; models.md of the design, "Jet
 * images".
 *
 * In order: pT, eta, phi of each constituent; phi relative to the hardest, wrapped to [-pi, pi);
 * subtract the pT-weighted means; turn the principal axis of the pT-weighted covariance vertical
 * (the rotation from square roots only; one constituent or an isotropic jet: none); mirror so
 * that the larger half of pT lies at eta' < 0 and at phi' > 0 (equal: leave); pixel column
 * floor(eta'/0.029) + W/2, row floor(phi'/0.035) + H/2 for 40 x 40 (other sizes scale the pixel
 * so that the window stays); add pT; divide by the sum in the crop. Then, if asked, Gaussian
 * filter, power and another sum. */
#ifndef DATA_JET_H
#define DATA_JET_H

#include <stdbool.h>

enum { JET_SLOTS_MOST = 1024, IMAGE_SIZE_MOST = 512 };

typedef enum PixelMerge { PIXEL_SUM, PIXEL_LAST } PixelMerge;

typedef struct ImageOpts {
  int size;                    /* H = W: 40 */
  double width_eta, width_phi; /* of one pixel at size 40: 0.029, 0.035 */
  PixelMerge merge;
  double smooth; /* sigma of the Gaussian filter in pixels, 0: none; reflecting edge, truncated at
                    4 sigma, as SciPy's */
  double power;  /* pixel^power, then division by the sum; 1: none */
  double sum;    /* of the pixels of a finished image; 1: as published */
  int constituents; /* use at most this many, 0: all */
} ImageOpts;
ImageOpts image_defaults(void);

typedef enum JetVerdict { JET_OK, JET_EMPTY, JET_NAN, JET_NEGATIVE_ENERGY } JetVerdict;

/* A constituent in the jet's own frame after all turning. */
typedef struct Constituent {
  double pt_gev, eta, phi_rad;
} Constituent;

/* The scalar sum of their pT, in order. */
static inline double constituents_pt_gev(const Constituent *c, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += c[i].pt_gev;
  return sum;
}

/* From p4 (slots, 4) to at most `slots` constituents in the frame above; returns how many, or a
 * verdict in *verdict that is not JET_OK. Empty slots (E = 0 and pT = 0) are skipped,
 * wherever they are. */
int jet_frame(Constituent *out, const float *p4, int slots, const ImageOpts *opts,
              JetVerdict *verdict);
/* The finished image (size, size), row = phi, column = eta. */
JetVerdict jet_image(float *pixels, const float *p4, int slots, const ImageOpts *opts);
/* Only the last steps, on an image whose pixels are filled: filter, power, sum. In place. */
void image_finish(float *pixels, const ImageOpts *opts);
/* Whether a jet can be used at all: what jet_frame would say. */
JetVerdict jet_verdict(const float *p4, int slots);
/* Mass and pT in GeV of the sum of the constituents. */
double jet_mass_gev(const float *p4, int slots);
double jet_pt_gev(const float *p4, int slots);

#endif
