#include "actors/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/*  The newest complaint of OpenSSL, for a person; forgets it.  */
static const char *
complaint(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return text != NULL ? text : "it cannot be used";
}

const char *
tls_distrust(void *store)
{
    return X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
}

long
tls_refused_versions(void)
{
    return (long) (SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1);
}

static tls_context_t *
new_context(const SSL_METHOD *method)
{
    tls_context_t *self = SSL_CTX_new(method);
    if (self != NULL && SSL_CTX_set_min_proto_version(self, TLS1_2_VERSION) != 1)
        tls_destroy(&self);
    return self;
}

void
tls_destroy(tls_context_t **self)
{
    SSL_CTX_free(*self);
    *self = NULL;
}

/*  ------------------------------------------------------------------------ listening  */

static err_t
load_pair(tls_context_t *context, const char *certificate, const char *key, fault_t *fault)
{
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        return fault_set(fault, ERR_CONFIG,
                         "tls.certificate: %s: %s; name a PEM file with the certificate chain",
                         certificate, complaint());
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1
        || SSL_CTX_check_private_key(context) != 1)
        return fault_set(fault, ERR_CONFIG,
                         "tls.key: %s: %s; name the PEM file with the key of tls.certificate",
                         key, complaint());
    return OK;
}

err_t
tls_check_pair(const char *certificate, const char *key, fault_t *fault)
{
    tls_context_t *context = new_context(TLS_server_method());
    if (context == NULL)
        return fault_set(fault, ERR_IO, "TLS cannot be used here: %s", complaint());
    const err_t err = load_pair(context, certificate, key, fault);
    tls_destroy(&context);
    return err;
}

/*  -------------------------------------------------------------------------- dialling  */

static err_t
load_trust(tls_context_t *context, const char *ca_file, fault_t *fault)
{
    if (ca_file == NULL || ca_file[0] == '\0') {
        if (SSL_CTX_set_default_verify_paths(context) == 1)
            return OK;
        return fault_set(fault, ERR_CONFIG,
                         "the system's authorities: %s; name others in agent.ca_file",
                         complaint());
    }
    if (SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1)
        return OK;
    return fault_set(fault, ERR_CONFIG,
                     "agent.ca_file: %s: %s; name a PEM file of authorities to trust", ca_file,
                     complaint());
}

err_t
tls_new_trust(const char *ca_file, tls_context_t **out, fault_t *fault)
{
    tls_context_t *context = new_context(TLS_client_method());
    if (context == NULL)
        return fault_set(fault, ERR_IO, "TLS cannot be used here: %s", complaint());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    const err_t err = load_trust(context, ca_file, fault);
    if (err != OK)
        tls_destroy(&context);
    *out = context;
    return err;
}
