#include "signing.h"

#include <fcntl.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
is_secret(int fd)
{
    struct stat about;
    return fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & 077) == 0
           && about.st_size <= SECRET_MOST;
}

/*  Waits for nobody who would write into a pipe of that name.  */
int
signing_read(signing_t *self, const char *path)
{
    if (path[0] == '\0')
        return 1;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return 0;
    const ssize_t size = is_secret(fd) ? read(fd, self->secret, sizeof self->secret) : 0;
    close(fd);
    self->size = size > 0 ? (size_t) size : 0;
    while (self->size > 0 && self->secret[self->size - 1] == '\n')
        self->size--;
    return self->size > 0;
}

int
signing_sign(const signing_t *self, const char *timestamp, const char *body,
             char text[SIGNATURE_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char *signed_text = NULL;
    if (self->size == 0)
        return 0;
    if (asprintf(&signed_text, "%s.%s", timestamp, body) < 0)
        abort();
    HMAC(EVP_sha256(), self->secret, (int) self->size, (unsigned char *) signed_text,
         strlen(signed_text), digest, &size);
    free(signed_text);
    (void) snprintf(text, SIGNATURE_TEXT, "sha256=");
    for (unsigned i = 0; i < size; i++)
        (void) snprintf(text + strlen("sha256=") + 2 * (size_t) i, 3, "%02x", digest[i]);
    return 1;
}
