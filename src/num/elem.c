#include "num/elem.h"

#include "num/sleef.h"

double elem_exp(double x) { return Sleef_finz_expd1_u10purecfma(x); }
double elem_log(double x) { return Sleef_finz_logd1_u10purecfma(x); }
double elem_log1p(double x) { return Sleef_finz_log1pd1_u10purecfma(x); }
double elem_pow(double x, double y) { return Sleef_finz_powd1_u10purecfma(x, y); }
double elem_tanh(double x) { return Sleef_finz_tanhd1_u10purecfma(x); }
double elem_atan2(double y, double x) { return Sleef_finz_atan2d1_u10purecfma(y, x); }
double elem_sinpi(double x) { return Sleef_finz_sinpid1_u05purecfma(x); }
double elem_cospi(double x) { return Sleef_finz_cospid1_u05purecfma(x); }
