/*  errors - which errors are verdicts, and how they are told to the client.  */

#pragma once

#include "schemas/message.h"

/*  True for what the change itself is guilty of: it would fail again. Anything else is
    trouble of the server, which may pass.  */
bool errors_is_verdict(err_t err);

/*  text is kept, not copied.  */
void errors_reject(verdict_t *verdict, err_t err, const char *text);
/*  For the innocent changes of a transaction in which another was rejected.  */
void errors_reject_along(verdict_t *verdict);
/*  Nothing was decided and nothing written: the client sends it again.  */
void errors_put_off(verdict_t *verdict, const char *id, const char *text);

bool errors_is_rejected(const verdict_t *verdict);
