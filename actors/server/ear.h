/*  ear - where and how the listener listens, as the settings say.  */

#pragma once

#include "runtime/net.h"

enum { EAR_ROOM = 300 };

/*  Checks certificate and key, then listens; address is HOST:PORT with the port that it got. */
CHECKED err_t ear_open(ctx_t *ctx, char address[EAR_ROOM], fault_t *fault);
