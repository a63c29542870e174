#include "tests/integration/terminal.h"

#include "tests/orphan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include <cmocka.h>

enum { PATIENCE_S = 60, ARGUMENTS = 16 };

static const char enter[] = "\033[?1049h", leave[] = "\033[?1049l", cursor[] = "\033[?25h",
                  wrap[] = "\033[?7h";
static const char home[] = "\033[H", frame_end[] = "\033[J";

terminal_t *
terminal_new(const char *const *arguments)
{
    terminal_t *self = mem_new(sizeof *self);
    const struct winsize size = {.ws_col = TERMINAL_COLUMNS, .ws_row = TERMINAL_ROWS};
    assert_int_equal(openpty(&self->fd, &self->other, NULL, NULL, &size), 0);
    fcntl(self->fd, F_SETFD, FD_CLOEXEC);
    assert_int_equal(tcgetattr(self->other, &self->before), 0);
    self->pid = fork_bound();
    if (self->pid == 0) {
        char *argv[ARGUMENTS] = {mem_text(WAYBILL)};
        for (size_t i = 0; arguments[i] && i < ARGUMENTS - 2; i++)
            argv[i + 1] = mem_text(arguments[i]);
        login_tty(self->other);
        unsetenv("NO_COLOR");
        execv(WAYBILL, argv);
        _exit(127);
    }
    return self;
}

/*  What has come so far, and what comes in a moment; false when nothing more will.  */
static bool
take(terminal_t *self)
{
    char piece[4096];
    struct pollfd input = {.fd = self->fd, .events = POLLIN};
    if (poll(&input, 1, 200) <= 0)
        return true;
    ssize_t n = read(self->fd, piece, sizeof piece);
    if (n <= 0)
        return n < 0 && errno == EINTR;
    buffer_add(&self->written, piece, (size_t) n);
    return true;
}

/*  ------------------------------------------------------------------------- frames  */

/*  The last whole frame; NULL if there is none yet.  */
static char *
last_frame(terminal_t *self)
{
    char *last = NULL;
    const char *text = buffer_text(&self->written);
    for (const char *at = strstr(text, home); at; at = strstr(at + 1, home)) {
        const char *end = strstr(at, frame_end);
        if (!end)
            break;
        free(last);
        last = mem_format("%.*s", (int) (end - at), at);
    }
    return last;
}

/*  Leaves out what only colours and wipes.  */
static void
strip(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        if (at[0] == '\033' && at[1] == '[')
            at += 1 + strcspn(at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
        else if (*at != '\r')
            *to++ = *at;
    }
    *to = '\0';
}

static lines_t
cut(char *frame)
{
    lines_t lines = {.text = frame};
    char *rest = frame;
    for (char *line; (line = strsep(&rest, "\n"));) {
        assert_true(lines.n < TERMINAL_ROWS); /* it would scroll */
        lines.at[lines.n++] = line;
    }
    return lines;
}

lines_t
terminal_await(terminal_t *self, const char *part)
{
    time_t end = time(NULL) + PATIENCE_S;
    while (time(NULL) < end) {
        char *frame = last_frame(self);
        if (frame)
            strip(frame);
        if (frame && strstr(frame, part))
            return cut(frame);
        free(frame);
        if (!take(self))
            break;
    }
    fail_msg("no frame has \"%s\": %s", part, buffer_text(&self->written));
    return (lines_t){0};
}

void
lines_release(lines_t *self)
{
    free(self->text);
    *self = (lines_t){0};
}

/*  ---------------------------------------------------------------------------- keys  */

void
terminal_type(terminal_t *self, const char *keys)
{
    assert_int_equal(write(self->fd, keys, strlen(keys)), strlen(keys));
}

int
terminal_end(terminal_t *self)
{
    int status = 0;
    time_t end = time(NULL) + PATIENCE_S;
    pid_t gone = 0;
    while (gone == 0 && time(NULL) < end) {
        take(self);
        gone = waitpid(self->pid, &status, WNOHANG);
    }
    assert_int_equal(gone, self->pid);
    self->pid = 0;
    struct pollfd input = {.fd = self->fd, .events = POLLIN};
    while (poll(&input, 1, 0) > 0 && (input.revents & POLLIN) && take(self))
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool
terminal_is_restored(const terminal_t *self)
{
    buffer_t copy = {0};
    buffer_add(&copy, self->written.data, self->written.size);
    const char *text = buffer_text(&copy);
    const char *entered = strstr(text, enter), *left = strstr(text, leave);
    bool back =
        entered && left && left > entered && strstr(entered, cursor) && strstr(entered, wrap);
    buffer_release(&copy);
    struct termios now;
    return back && tcgetattr(self->other, &now) == 0 && now.c_lflag == self->before.c_lflag
           && now.c_iflag == self->before.c_iflag && now.c_cc[VMIN] == self->before.c_cc[VMIN];
}

void
terminal_destroy(terminal_t **self_p)
{
    terminal_t *self = *self_p;
    if (!self)
        return;
    if (self->pid > 0) {
        kill(self->pid, SIGKILL);
        waitpid(self->pid, NULL, 0);
    }
    close(self->fd);
    close(self->other);
    buffer_release(&self->written);
    free(self);
    *self_p = NULL;
}
