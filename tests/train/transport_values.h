/* Made by make_transport.py with scipy 1.17.1: do not edit. */
static const struct {
  long n, dim;
  double distance;
} values[] = {
    {16, 1, 0.22512834746960664},
    {48, 3, 0.45293376290372106},
    {128, 11, 2.9064973473838815},
    {256, 40, 13.582785755451308},
};
