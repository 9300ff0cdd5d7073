#include "check_private.h"

/* GB 32100: digits and capitals without I O S V Z; a character's place is its value. */
static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";

static int value_of(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* The 8 characters and the check character of GB 11714; letters count 10 to 35. */
static bool org_ok(const char *body, char check)
{
	static const unsigned char weight[8] = {3, 7, 9, 10, 5, 8, 4, 2};
	int sum = 0, rest;

	for (unsigned i = 0; i < 8; i++) {
		char c = body[i];

		if (c >= '0' && c <= '9')
			sum += weight[i] * (c - '0');
		else if (c >= 'A' && c <= 'Z')
			sum += weight[i] * (c - 'A' + 10);
		else
			return false;
	}
	rest = 11 - sum % 11;
	return check == (rest == 10 ? 'X' : rest == 11 ? '0' : (char)('0' + rest));
}

bool check_org_code(struct br_str code)
{
	if (code.n == 10 && code.p[8] == '-')
		return org_ok(code.p, code.p[9]);
	return code.n == 9 && org_ok(code.p, code.p[8]);
}

bool check_credit_code(struct br_str code)
{
	static const unsigned char weight[17] = {
		1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28};
	int sum = 0;

	if (code.n != 18 || !check_digits(code.p + 2, 6))
		return false;
	for (unsigned i = 0; i < 17; i++) {
		int value = value_of(code.p[i]);

		if (value < 0)
			return false;
		sum += weight[i] * value;
	}
	return code.p[17] == alphabet[(31 - sum % 31) % 31] && org_ok(code.p + 8, code.p[16]);
}

bool check_credit_code_normalise(struct br_str in, char out[19])
{
	char text[18];

	if (check_narrow(in, "", text, sizeof(text)) != 18 ||
		!check_credit_code((struct br_str){text, 18}))
		return false;
	memcpy(out, text, 18);
	out[18] = '\0';
	return true;
}

bool check_impl_code(struct br_str code)
{
	if (code.n != 31 || code.p[18] < '1' || code.p[18] > '7')
		return false;
	for (size_t i = 19; i < 31; i++) {
		char c = code.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z'))
			return false;
	}
	return check_credit_code((struct br_str){code.p, 18});
}

bool check_impl_code_normalise(struct br_str in, char out[32])
{
	char text[31];

	if (check_narrow(in, "-", text, sizeof(text)) != 31 ||
		!check_impl_code((struct br_str){text, 31}))
		return false;
	memcpy(out, text, 31);
	out[31] = '\0';
	return true;
}
