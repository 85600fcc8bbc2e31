#include "lean_columns.h"

const LeanAbout lean_about[LEAN_COLUMNS] = {
    [LEAN_OFFSET] = {"offset", "sample + 1", "1", "where a sample's values begin", 1, 8, false},
    [LEAN_MOMENTUM] = {"momentum", "value, component", "GeV",
                       "px, py, pz of the constituents; E = |p| unless there is an energy", 3, 12,
                       true},
    [LEAN_ENERGY] = {"energy", "value", "GeV", "E of the constituents", 1, 4, true},
    [LEAN_PIXEL] = {"pixel", "value", "1", "index into (C, H, W), the last axis fastest", 1, 2,
                    true},
    [LEAN_VALUE] = {"value", "value", "1", "what the pixel holds; all other pixels are 0", 1, 4,
                    true},
    [LEAN_LABEL] = {"label", "sample", "1", "0 or 1 (or a digit), -1: unknown", 1, 1, false},
    [LEAN_WEIGHT] = {"weight", "sample", "1", "weight of the sample", 1, 4, false},
    [LEAN_TRUTH] = {"truth", "sample, component", "GeV", "E, px, py, pz of the true particle", 4,
                    16, false},
    [LEAN_MASS] = {"mass", "sample", "GeV", "mass of the jet, from E, px, py, pz of all slots", 1,
                   4, false},
};

hid_t lean_type(LeanColumn column) {
  switch (column) {
  case LEAN_OFFSET:
    return H5T_STD_I64LE;
  case LEAN_PIXEL:
    return H5T_STD_U16LE;
  case LEAN_LABEL:
    return H5T_STD_I8LE;
  default:
    return H5T_IEEE_F32LE;
  }
}

bool lean_has(const LeanSpec *spec, LeanColumn column) {
  bool jets = spec->layout == LEAN_JETS;
  switch (column) {
  case LEAN_OFFSET:
    return true;
  case LEAN_MOMENTUM:
    return jets;
  case LEAN_ENERGY:
    return jets && spec->has_energy;
  case LEAN_PIXEL:
  case LEAN_VALUE:
    return !jets;
  case LEAN_LABEL:
    return spec->has_label;
  case LEAN_WEIGHT:
    return spec->has_weight;
  case LEAN_TRUTH:
    return spec->has_truth;
  default:
    return spec->has_mass;
  }
}

long lean_dim(const LeanSpec *spec) {
  return (long)spec->shape[0] * spec->shape[1] * spec->shape[2];
}
