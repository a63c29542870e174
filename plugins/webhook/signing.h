/*  signing - the secret, and what it makes of an event.  */

#ifndef WEBHOOK_SIGNING_H
#define WEBHOOK_SIGNING_H

#include <stddef.h>

enum { SECRET_MOST = 4096, SIGNATURE_TEXT = 80 };

typedef struct signing {
    unsigned char secret[SECRET_MOST];
    size_t size; /* 0: nothing is signed */
} signing_t;

/*  Path empty: nothing is signed. 0: it is no file that only its owner may read, it is empty,
    or it is too large.  */
int signing_read(signing_t *self, const char *path);
/*  "sha256=" and the HMAC-SHA256, in hex, of timestamp, a full stop, and body; 0: nothing is
    signed.  */
int signing_sign(const signing_t *self, const char *timestamp, const char *body,
                 char text[SIGNATURE_TEXT]);

#endif
