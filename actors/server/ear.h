/*  ear - where and how the listener listens, as the settings say.  */

#pragma once

#include "runtime/net.h"

/*  Checks certificate and key, then listens.  */
CHECKED err_t ear_open(ctx_t *ctx, fault_t *fault);
