#include "io/facts.h"

#include <string.h>

static bool put(hid_t group, const Fact *fact) {
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(fact->value) + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  hid_t attr = H5Acreate2(group, fact->name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  bool done = attr >= 0 && H5Awrite(attr, type, fact->value) >= 0;
  if (attr >= 0) H5Aclose(attr);
  H5Sclose(space), H5Tclose(type);
  return done;
}

bool facts_put(hid_t file, const Fact *facts) {
  hid_t gcpl = H5Pcreate(H5P_GROUP_CREATE);
  H5Pset_obj_track_times(gcpl, 0);
  hid_t group = H5Gcreate2(file, "provenance", H5P_DEFAULT, gcpl, H5P_DEFAULT);
  bool done = group >= 0;
  for (const Fact *fact = facts; done && fact && fact->name; fact++) done = put(group, fact);
  if (group >= 0) H5Gclose(group);
  H5Pclose(gcpl);
  return done;
}

int64_t facts_size(const Fact *facts) {
  enum { GROUP = 1024, PER_FACT = 512 };
  int64_t size = GROUP;
  for (const Fact *fact = facts; fact && fact->name; fact++)
    size += PER_FACT + 2 * (int64_t)(strlen(fact->name) + strlen(fact->value));
  return size;
}
