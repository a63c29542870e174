/*  tls - certificates, keys and authorities of wss, checked before anything relies on them.

    TLS 1.2 or newer. The library would only log that a file is missing or does not fit, and
    go on without it; here each such thing is a fault.  */

#pragma once

#include "schemas/base.h"

typedef struct ssl_ctx_st tls_context_t; /* of OpenSSL */

/*  What both sides refuse to speak, for the library's own contexts.  */
long tls_refused_versions(void);
/*  Whether a listener can use the two files together.  */
CHECKED err_t tls_check_pair(const char *certificate, const char *key, fault_t *fault);
/*  Trusts the authorities in the file, or those of the system if there is none.  */
CHECKED err_t tls_new_trust(const char *ca_file, tls_context_t **out, fault_t *fault);
/*  Why a certificate was not trusted; store is what a verification is told.  */
const char *tls_distrust(void *store);
void tls_destroy(tls_context_t **self);
