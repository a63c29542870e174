/*  decisions - the jobs of a round that decide about changes: the server's verdicts, the
    plans for refused changes, and the acts of a person.  */

#pragma once

#include "actors/agent/recording.h"

/*  Commits all of them at once, publishes what became of the changes, and hints.  */
void decisions_commit(recorder_t *self, ctx_t *ctx);
/*  Changes that cannot be sent are refused here, as the server would have done.  */
void decisions_refuse(recorder_t *self, ctx_t *ctx, const outbox_flaws_t *flaws);
