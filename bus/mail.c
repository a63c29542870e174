#include "bus/mail.h"

#include <assert.h>
#include <stdlib.h>

mail_t *
mail_new(const envelope_t *envelope, bytes_t payload)
{
    mail_t *self = mem_new(sizeof *self);
    uint8_t header[ENVELOPE_ROOM]; /* packed again, so that the texts become its own */
    bytes_t packed = {header, envelope_pack(envelope, header)};
    err_t err = envelope_unpack(packed, &self->envelope, &self->names);
    assert(err == OK);
    self->payload = blob_new(payload);
    return self;
}

void
mail_destroy(mail_t **self)
{
    if (*self == NULL)
        return;
    blob_unref(&(*self)->payload);
    free(*self);
    *self = NULL;
}

void
mailbox_add(mailbox_t *self, mail_t *mail)
{
    if (self->first == NULL)
        self->first = mail;
    else
        self->last->next = mail;
    self->last = mail;
}

void
mailbox_take(mailbox_t *self, mail_t *mail)
{
    mail_t *before = NULL;
    mail_t **at = &self->first;
    while (*at != mail) {
        before = *at;
        at = &before->next;
    }
    *at = mail->next;
    if (self->last == mail)
        self->last = before;
    mail->next = NULL;
}

void
mailbox_clear(mailbox_t *self)
{
    while (self->first != NULL) {
        mail_t *mail = self->first;
        mailbox_take(self, mail);
        mail_destroy(&mail);
    }
}
