#include "tools/tap/screen.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/*  Alternate screen, no cursor, and lines that are cut rather than broken where they are wider
    than the screen; and back. Each line wipes what stood behind it.  */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define HOME "\033[H"
#define WIPE_LINE "\033[K"
#define WIPE_BELOW "\033[J"

static struct termios before;
static volatile sig_atomic_t is_open, ended;

static void
write_all(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(STDOUT_FILENO, text, size);
        if (n <= 0)
            return;
        text += n;
        size -= (size_t) n;
    }
}

static void
on_signal(int number)
{
    if (number != SIGWINCH)
        ended = 1;
}

static void
watch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct sigaction action = {.sa_handler = on_signal};
        sigaction(numbers[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTSTP, SIG_IGN); /* it would leave the terminal as it is now */
}

bool
screen_open(void)
{
    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1
        || tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
        return false;
    is_open = 1;
    if (atexit(screen_close) != 0)
        screen_close();
    watch_signals();
    write_all(ENTER, strlen(ENTER));
    return is_open;
}

void
screen_close(void)
{
    if (!is_open)
        return;
    is_open = 0;
    write_all(LEAVE, strlen(LEAVE));
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

screen_size_t
screen_size(void)
{
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return (screen_size_t){80, 24};
    return (screen_size_t){size.ws_col, size.ws_row};
}

void
screen_draw(buffer_t *lines)
{
    buffer_t frame = {0};
    buffer_add_text(&frame, HOME);
    int left = screen_size().rows;
    const char *at = buffer_text(lines);
    while (*at && left-- > 0) {
        size_t size = strcspn(at, "\n");
        buffer_add(&frame, at, size);
        buffer_add_text(&frame, WIPE_LINE);
        at += size + (at[size] == '\n');
        buffer_add_text(&frame, *at && left > 0 ? "\r\n" : "");
    }
    buffer_add_text(&frame, WIPE_BELOW);
    write_all((const char *) frame.data, frame.size);
    buffer_release(&frame);
}

int
screen_key(int timeout_ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char key = 0;
    if (ended)
        return SCREEN_END;
    int n = poll(&input, 1, timeout_ms);
    if (ended)
        return SCREEN_END;
    if (n <= 0)
        return 0;
    return read(STDIN_FILENO, &key, 1) == 1 ? (unsigned char) key : SCREEN_END;
}
