# gnuplot -e "data='simulated.csv'" scaling.gp > scaling.svg
set terminal svg size 980,430 dynamic font "sans,12" background "white"
set datafile separator ","
set multiplot layout 1,2
set logscale x 2
set xrange [1:1024]
set yrange [0:1.05]
set xtics 4
set xlabel "cores"
set ylabel "efficiency"
set grid
set key bottom left reverse Left samplen 2
pick(name, phase) = strcol(1) eq name && strcol(2) eq phase ? $11 : NaN
set datafile missing NaN
do for [phase in "nae ae"] {
  set title phase eq "nae" ? "NAE step" : "AE step"
  plot data using 3:(pick("batch 2048", phase)) with linespoints lc 1 pt 7 title "batch 2,048", \
    data using 3:(pick("batch 16384", phase)) with linespoints lc 2 pt 7 \
      title "batch 16,384", \
    data using 3:(pick("batch 16384 threads 32", phase)) with linespoints lc 2 dt 3 pt 4 \
      title "  one rank per node", \
    data using 3:(pick("batch 65536", phase)) with linespoints lc 7 pt 7 \
      title "batch 65,536", \
    data using 3:(phase eq "nae" ? pick("batch 2048 chains 16384", phase) : NaN) \
      with linespoints lc 4 pt 8 title phase eq "nae" ? "batch 2,048, 16,384 chains" : ""
}
