/*  ledger - what was decided about every change ever sent. A change that comes again is
    told what it was told the first time.

    A change stands under the client that made it. A database that got another identity still
    sends changes that it made under the earlier one, and the database that it was copied from
    may have sent them as well: both say so, and the change is the same.  */

#pragma once

#include "actors/server/embedded/work.h"

/*  Takes the change's place in the ledger, as applied at that position: most are, and need not
    be recorded once more. *fresh is false if it has a place already.  */
CHECKED err_t ledger_claim(const work_t *work, const client_change_t *change, uint64_t lsn,
                           bool *fresh, fault_t *fault);
/*  Puts right what was claimed.  */
CHECKED err_t ledger_record(const work_t *work, const client_change_t *change,
                            const verdict_t *verdict, fault_t *fault);
/*  Makes verdict a duplicate of the one recorded.  */
CHECKED err_t ledger_recall(const work_t *work, const client_change_t *change,
                            verdict_t *verdict, fault_t *fault);
/*  Keeps a rejected change for whoever looks into it.  */
CHECKED err_t ledger_keep_rejected(const work_t *work, const client_change_t *change,
                                   const verdict_t *verdict, fault_t *fault);
