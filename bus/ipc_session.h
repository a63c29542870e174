/*  ipc_session - a client's connection to a gateway: joins, stays, joins again.

    The lower half of ipc_client: sockets, HELLO, numbers, credit, pings and the mail that has
    come. Knows nothing of what the messages mean.  */

#pragma once

#include "bus/ipc_frame.h"
#include "bus/ipc_link.h"
#include "bus/mail.h"

typedef struct ipc_session ipc_session_t;

/*  Connects and says HELLO; nothing is waited for. NULL: no socket can be had.  */
ipc_session_t *ipc_session_new(const char *endpoint, const char *name);
/*  Says BYE.  */
void ipc_session_destroy(ipc_session_t **self);

/*  Waits for something to come, at most until that time, and takes it in. ERR_TIMEOUT: that
    time has come. ERR_OFFLINE: the other side has just gone, or is still gone at that time.
    While it is gone, the session tries to join again.  */
CHECKED err_t ipc_session_pump(ipc_session_t *self, uint64_t until_ns);
uint64_t ipc_session_now_ns(void);

bool ipc_session_joined(const ipc_session_t *self);
/*  How often it has joined: the first time, and after each silence.  */
uint64_t ipc_session_joins(const ipc_session_t *self);
/*  Why the gateway said BYE; empty if it did not.  */
const char *ipc_session_farewell(const ipc_session_t *self);
/*  There is credit for one more message.  */
bool ipc_session_may_send(const ipc_session_t *self);
/*  All that was sent has been handled.  */
bool ipc_session_all_done(const ipc_session_t *self);
/*  Sends; from, id and times are the caller's.  */
void ipc_session_send(ipc_session_t *self, envelope_t *envelope, blob_t *payload);
/*  Now, and again after each time it joins.  */
void ipc_session_subscribe(ipc_session_t *self, const char *pattern);

/*  What has come and was not taken, oldest first.  */
mail_t *ipc_session_mail(ipc_session_t *self);
/*  Takes one of them out, and acknowledges. The caller destroys it.  */
void ipc_session_take(ipc_session_t *self, mail_t *mail);

int ipc_session_fd(ipc_session_t *self);
