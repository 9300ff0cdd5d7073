#include "check_private.h"
#include "br_json.h"
#include "br_text.h"
#include "br_utf8.h"

size_t check_narrow(struct br_str in, const char *drop, char *out, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n;) {
		const unsigned char *p = (const unsigned char *)in.p + i;
		unsigned len = br_utf8_len(p, in.n - i);
		uint32_t c = len ? br_utf8_decode(p, len) : 0;

		if (c >= 0xff01 && c <= 0xff5e)
			c -= 0xff01 - '!';
		if (c == 0 || (c >= 0x80 && c != 0x3000 && c != 0xa0))
			return room + 1;
		i += len;
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c >= 0x80 ||
			strchr(drop, (int)c))
			continue;
		if (n == room)
			return room + 1;
		out[n++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	return n;
}

bool check_mobile(struct br_str s)
{
	return s.n == 11 && s.p[0] == '1' && s.p[1] >= '3' && check_digits(s.p, s.n);
}

static size_t count_digits(struct br_str s, size_t from)
{
	size_t i = from;

	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i - from;
}

bool check_landline(struct br_str s)
{
	size_t first = count_digits(s, 0), next, extension;

	if (s.n == 0 || s.p[0] != '0')
		return false;
	if (first == s.n)
		return s.n >= 10 && s.n <= 12;
	if (first >= 10 && first <= 12) {
		next = first; /* area code and number in one */
	} else {
		if ((first != 3 && first != 4) || s.p[first] != '-')
			return false;
		next = first + 1 + count_digits(s, first + 1);
		if (next - first - 1 < 7 || next - first - 1 > 8)
			return false;
	}
	if (next == s.n)
		return true;
	extension = count_digits(s, next + 1);
	return s.p[next] == '-' && next + 1 + extension == s.n && extension >= 1 && extension <= 6;
}

bool check_postcode(struct br_str s)
{
	return s.n == 6 && check_digits(s.p, 6);
}

bool check_division(struct br_str s)
{
	return s.n == 12 && s.p[0] != '0' && check_digits(s.p, 12);
}

bool check_division_normalise(struct br_str in, char out[13])
{
	char text[12];
	size_t n = check_narrow(in, "", text, sizeof(text));

	if ((n != 6 && n != 9 && n != 12) || text[0] == '0' || !check_digits(text, n))
		return false;
	memset(text + n, '0', sizeof(text) - n);
	memcpy(out, text, 12);
	out[12] = '\0';
	return true;
}

static bool is_letter(uint32_t c)
{
	if (c < 0x80)
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	/* punctuation and signs of the blocks that names come with */
	return c >= 0xc0 && c != 0xd7 && c != 0xf7 && !(c >= 0x2000 && c <= 0x2bff) &&
	       !(c >= 0x3000 && c <= 0x3004) && !(c >= 0x3008 && c <= 0x3020) && c != 0x30fb &&
	       !(c >= 0xff00 && c <= 0xff20) && c != 0xff65;
}

bool check_name(struct br_str s, size_t max)
{
	size_t chars = 0;
	bool letter = false;

	if (br_trim(s).n != s.n)
		return false;
	for (size_t i = 0; i < s.n; chars++) {
		const unsigned char *p = (const unsigned char *)s.p + i;
		unsigned len = br_utf8_len(p, s.n - i);
		uint32_t c = len ? br_utf8_decode(p, len) : 0;

		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfffd)
			return false;
		letter = letter || is_letter(c);
		i += len;
	}
	return chars >= 2 && chars <= max && letter;
}

static bool is_separator(uint32_t c, bool between)
{
	return c == 0x2022 || c == 0x30fb || c == 0xff65 || c == 0x2027 || c == 0xff0e ||
	       (c == '.' && between);
}

size_t check_name_normalise(struct br_str in, char *out)
{
	struct br_str s = br_trim(in);
	char *to = out;

	for (size_t i = 0; i < s.n;) {
		const unsigned char *p = (const unsigned char *)s.p + i;
		unsigned len = br_utf8_len(p, s.n - i);
		bool between =
			i > 0 && i + 1 < s.n && (unsigned char)s.p[i - 1] >= 0x80 && p[1] >= 0x80;

		if (len && is_separator(br_utf8_decode(p, len), between)) {
			to += br_utf8_encode(0xb7, to);
			i += len;
			continue;
		}
		/* bytes that are not UTF-8 are passed on: others report them */
		len = len ? len : 1;
		memcpy(to, p, len);
		to += len;
		i += len;
	}
	*to = '\0';
	return (size_t)(to - out);
}

static bool digits_without_zeros(struct br_str s)
{
	return s.n > 0 && check_digits(s.p, s.n) && (s.n == 1 || s.p[0] != '0');
}

bool check_int(struct br_str s)
{
	struct br_str digits = s;
	int64_t value;

	if (s.n && s.p[0] == '-')
		digits = (struct br_str){s.p + 1, s.n - 1};
	return digits_without_zeros(digits) && !(digits.n < s.n && digits.p[0] == '0') &&
	       br_json_int64(s, &value);
}

bool check_decimal(struct br_str s)
{
	struct br_str whole = s;
	const char *dot;
	bool zero = true;

	if (s.n && s.p[0] == '-')
		whole = (struct br_str){s.p + 1, s.n - 1};
	for (size_t i = 0; i < whole.n; i++)
		zero = zero && (whole.p[i] == '0' || whole.p[i] == '.');
	if (zero && whole.n < s.n)
		return false;
	dot = whole.n ? memchr(whole.p, '.', whole.n) : NULL;
	if (dot) {
		size_t part = (size_t)(whole.p + whole.n - dot) - 1;

		if (part == 0 || !check_digits(dot + 1, part))
			return false;
		whole.n -= part + 1;
	}
	return digits_without_zeros(whole);
}

bool check_bool(struct br_str s)
{
	return br_str_eq(s, BR_STR("true")) || br_str_eq(s, BR_STR("false"));
}
