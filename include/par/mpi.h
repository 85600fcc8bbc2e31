/* The MPI communicator behind a Comm; for the io room alone (parallel HDF5). */
#ifndef PAR_MPI_H
#define PAR_MPI_H

#include <mpi.h>

#include "par/comm.h"

MPI_Comm comm_mpi(const Comm *comm);

#endif
