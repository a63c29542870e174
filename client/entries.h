/*  entries - changes as the application gives them, made into what travels.  */

#pragma once

#include "client/handle.h"

/*  Copies and checks n changes behind those of the batch; gives ids to those that have none.
    On an error, which names the field, the batch is as before.  */
CHECKED err_t entries_add(batch_t *batch, waybill_change_t *changes, size_t n, fault_t *fault);
