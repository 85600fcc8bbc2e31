/* Plots as gnuplot takes them: the numbers of a plot, the commands that draw them, the
 * process. */
#ifndef OUT_GNUPLOT_H
#define OUT_GNUPLOT_H

#include "out/page.h"

void plot_numbers(FILE *csv, const Plot *plot);
void picture_numbers(FILE *csv, const Picture *picture);
void gnuplot_begin(FILE *script);
void gnuplot_plot(FILE *script, const Plot *plot);
void gnuplot_picture(FILE *script, const Picture *picture);
/* Run the script in its folder. Errors: no gnuplot, the first line of what it says. */
Err gnuplot_run(const char *folder, const char *script);

#endif
