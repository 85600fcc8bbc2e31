/* A network: a chain of layers, encoder then decoder, and what it takes to run tiles through it.
 *
 * The structure (Net) knows shapes and offsets only and is shared; parameters are one flat vector
 * w (P) with named tensors; Weights holds what the layers really see (W / sigma, packed), remade
 * once per optimizer step; Work holds one thread's activations for up to `tiles` tiles.
 *
 * A range of layers [from, to) runs alone: the encoder is [0, n_encoder), the decoder
 * [n_encoder, n_nodes). Spectral normalisation lives here: sigma from power iteration in double
 * in a fixed order, u and v part of the state, exactly one iteration per optimizer step. Source:
 * arXiv 1802.05957, algorithm 1. */
#ifndef NET_NET_H
#define NET_NET_H

#include "net/layer.h"

/* What the configuration or a model file says of a layer. */
typedef struct LayerSpec {
  char type[24];
  double attr[LAYER_ATTRS];
} LayerSpec;

enum { NET_LAYERS = 64 };
typedef struct NetSpec {
  int n_encoder, n_decoder;
  LayerSpec encoder[NET_LAYERS], decoder[NET_LAYERS];
} NetSpec;

typedef struct Net {
  Shape input;
  int n_nodes, n_encoder;
  Node *node;              /* (n_nodes) */
  size_t n_params;         /* P */
  size_t n_packed;         /* floats */
  size_t n_kept;           /* bytes per tile */
  size_t n_spectral;       /* floats of u and v, all spectral tensors */
  long widest;             /* features of the widest activation */
  int n_tensors;           /* all tensors of all nodes, in order */
  size_t *tensor_offset;   /* (n_tensors + 1) into w */
  size_t *spectral_offset; /* (n_tensors + 1) into the spectral state: u (rows), then v (rest); no
                              room for a tensor that is not spectral */
  int *tensor_node;        /* (n_tensors) which node it belongs to */
} Net;

/* Infer all shapes. Owns: the caller. Errors: names the layer, counted from 1 ("encoder layer 3
 * (conv2d): ..."), or says that the decoder's output differs from the input shape, or that there
 * is none and the encoder's is not one number. Flat features of the right number are accepted as
 * an image: nothing would move. */
Err net_new(Net **net, const NetSpec *spec, Shape input);
void net_free(Net **net);
Shape net_latent(const Net *net);
/* CODE_FREE, CODE_SPHERE or CODE_GAUSSIAN, by the layer that ends the encoder. */
int net_code(const Net *net);
bool net_on_sphere(const Net *net);
/* Dimension of the manifold that the decoder makes: D, on the sphere D - 1. */
long net_manifold(const Net *net);
Shape net_output(const Net *net);
/* There is no decoder, and the output is one number: what `energy: scalar` takes. */
bool net_scalar(const Net *net);
/* The first layer that takes points of zeros as absent; NULL: there is none. */
const Node *net_reads_points(const Net *net);
/* Name ("decoder.2.weight"), node and tensor of the i-th tensor. */
const Tensor *net_tensor(const Net *net, int i, char name[48], const Node **node);

/* w (P), as PyTorch's defaults: uniform in +-1/sqrt(fan_in), from (seed, RNG_INIT). */
void net_init(const Net *net, float *w, uint64_t seed);

/* Spectral state s (n_spectral), u and v of each spectral tensor, unit vectors. init: u in a
 * random direction, v = W^T u normalised; step: so many power iterations. */
void net_spectral_init(const Net *net, float *s, const float *w, uint64_t seed);
void net_spectral_step(const Net *net, float *s, const float *w, int iterations);
/* dW from the gradient of W / sigma, in place, with u and v held constant. Once, after the
 * reduction. */
void net_spectral_gradient(const Net *net, float *dw, const float *w, const float *s);
/* sigma = u^T W v of the i-th tensor, in double; 1 where it is not spectral. */
double net_spectral_sigma(const Net *net, int i, const float *w, const float *s);

typedef struct Weights {
  float *w;      /* (P) effective: W / sigma where spectral */
  float *packed; /* (n_packed) */
} Weights;
Weights weights_new(const Net *net);
void weights_free(Weights *weights);
/* Remake both from the parameters and the spectral state. s NULL: w is effective already. */
void weights_make(Weights *weights, const Net *net, const float *w, const float *s);

typedef enum Keep { KEEP_NOTHING, KEEP_SIGNS, KEEP_ALL } Keep;

typedef struct Work Work;
/* Buffers of one thread. tiles: how many tiles KEEP_ALL holds at once (0: none, chains and scores
 * only). */
Work *work_new(const Net *net, int tiles);
void work_free(Work **work);

/* Run layers [from, to) on tile number `tile` of the work: x (in, L) to y (out, L). y must not
 * overlap x. KEEP_SIGNS allows one net_backward over the same layers (tile is ignored); KEEP_ALL
 * allows net_gradient. */
void net_forward(const Net *net, const Weights *weights, Work *work, int tile, int from, int to,
                 Keep keep, float *y, const float *x);
/* dx (in, L) from dy (out, L), after KEEP_SIGNS over the same layers. */
void net_backward(const Net *net, const Weights *weights, Work *work, int from, int to, float *dx,
                  const float *dy);
/* After KEEP_ALL over [from, to) for tiles 0 .. tiles - 1: dw (P) += gradient; dy[t] (out, L) is
 * used up. dx[t] (in, L): gradient to the input of layer `from`; dx NULL: not wanted. */
void net_gradient(const Net *net, const Weights *weights, Work *work, int tiles, int from, int to,
                  float *dw, float *const *dx, float *const *dy);

#endif
