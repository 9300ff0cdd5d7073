#include "cli_text.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define SCREEN_MAX 100000

size_t cli_screen(void)
{
	const char *columns = getenv("COLUMNS");
	long given = columns ? strtol(columns, NULL, 10) : 0;
	struct winsize size = {0};

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (given > 0 && given < SCREEN_MAX)
		return (size_t)given;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* One character: its bytes, its columns, and itself (0: no character). */
struct sign {
	size_t bytes, columns;
	wchar_t c;
};

static struct sign sign_at(struct br_str s)
{
	mbstate_t state = {0};
	wchar_t c = 0;
	size_t n = mbrtowc(&c, s.p, s.n, &state);
	int columns;

	if (n == 0 || n > s.n)
		return (struct sign){1, 1, 0};
	columns = wcwidth(c);
	return (struct sign){n, columns < 0 ? 1 : (size_t)columns, c};
}

static struct br_str behind(struct br_str s, size_t n)
{
	return (struct br_str){s.p + n, s.n - n};
}

size_t cli_width(struct br_str s)
{
	size_t columns = 0;

	while (s.n) {
		struct sign g = sign_at(s);

		columns += g.columns;
		s = behind(s, g.bytes);
	}
	return columns;
}

struct br_str cli_fit(struct br_str s, size_t room)
{
	struct br_str rest = s;

	while (rest.n) {
		struct sign g = sign_at(rest);

		if (g.columns > room)
			break;
		room -= g.columns;
		rest = behind(rest, g.bytes);
	}
	return (struct br_str){s.p, s.n - rest.n};
}

static bool is_closing(wchar_t c)
{
	return c && wcschr(L"，。、；：？！）】》」』”’…,.;:?!)]}", c);
}

static bool may_break(struct sign before, struct sign next)
{
	return (before.columns == 2 || next.columns == 2) && !is_closing(next.c);
}

static struct br_str skip_blanks(struct br_str s)
{
	while (s.n && s.p[0] == ' ')
		s = behind(s, 1);
	return s;
}

struct br_str cli_take_line(struct br_str *rest, size_t room)
{
	struct br_str all = *rest, left = all;
	struct sign before = {0};
	size_t end = 0; /* of the line, were it broken at the last good place */

	while (left.n) {
		struct sign g = sign_at(left);
		size_t at = all.n - left.n;

		if (at && (g.c == L' ' || may_break(before, g)) && before.c != L' ')
			end = at;
		if (g.columns > room && g.c != L' ')
			break;
		room -= g.columns < room ? g.columns : room;
		before = g;
		left = behind(left, g.bytes);
	}
	if (!left.n)
		end = all.n;
	else if (!end)
		end = all.n - left.n ? all.n - left.n : sign_at(all).bytes;
	*rest = skip_blanks(behind(all, end));
	return (struct br_str){all.p, end};
}

static bool is_control(wchar_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

const char *cli_printable(struct br_arena *a, const char *text)
{
	struct br_str s = br_str_z(text);
	struct br_str out;
	size_t n = 0;
	char *p = NULL;

	for (struct br_str r = s; r.n && !n; r = behind(r, sign_at(r).bytes))
		n += is_control(sign_at(r).c);
	if (!n)
		return text;
	p = br_arena_alloc(a, s.n * 3 + 1); /* one byte becomes U+FFFD */
	for (n = 0; p && s.n; s = behind(s, sign_at(s).bytes)) {
		struct sign g = sign_at(s);
		bool blank = g.c == L'\n' || g.c == L'\r' || g.c == L'\t';

		out = blank		? BR_STR(" ")
		      : is_control(g.c) ? BR_STR("\xef\xbf\xbd")
					: (struct br_str){s.p, g.bytes};
		memcpy(p + n, out.p, out.n);
		n += out.n;
	}
	if (p)
		p[n] = '\0';
	return p ? p : "";
}
