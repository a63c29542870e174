/*  mail - messages that have come to a client and wait to be read.  */

#pragma once

#include "bus/blob.h"
#include "bus/envelope.h"

typedef struct mail {
    struct mail *next;
    envelope_t envelope;
    envelope_names_t names;
    blob_t *payload;
} mail_t;

/*  Copies both.  */
mail_t *mail_new(const envelope_t *envelope, bytes_t payload);
void mail_destroy(mail_t **self);

/*  Oldest first.  */
typedef struct mailbox {
    mail_t *first, *last;
} mailbox_t;

void mailbox_add(mailbox_t *self, mail_t *mail);
/*  Takes one out, wherever it is; it is the caller's then.  */
void mailbox_take(mailbox_t *self, mail_t *mail);
void mailbox_clear(mailbox_t *self);
