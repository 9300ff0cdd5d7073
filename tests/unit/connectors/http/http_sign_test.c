/* Signatures against published vectors, and templates. */
#include "connectors/http/fake_http.h"

static void hmacs(void **state)
{
	static const struct {
		enum http_hmac algorithm;
		char key;
		size_t repeat;
		const char *text_key, *text, *want;
	} cases[] = {
		/* RFC 4231, cases 1, 2 and 6 */
		{HTTP_HMAC_SHA256, 0x0b, 20, NULL, "Hi There",
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{HTTP_HMAC_SHA256, 0, 0, "Jefe", "what do ya want for nothing?",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{HTTP_HMAC_SHA256, (char)0xaa, 131, NULL,
			"Test Using Larger Than Block-Size Key - Hash Key First",
			"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		/* the same inputs under SM3 */
		{HTTP_HMAC_SM3, 0x0b, 20, NULL, "Hi There",
			"51b00d1fb49832bfb01c3ce27848e59f871d9ba938dc563b338ca964755cce70"},
		{HTTP_HMAC_SM3, 0, 0, "Jefe", "what do ya want for nothing?",
			"2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882"},
	};
	struct br_arena a;

	(void)state;
	br_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		char key[200];
		struct br_str k = cases[i].text_key ? br_str_z(cases[i].text_key)
						    : (struct br_str){key, cases[i].repeat};

		memset(key, cases[i].key, sizeof(key));
		assert_string_equal(http_hmac(cases[i].algorithm, k, br_str_z(cases[i].text), &a).p,
			cases[i].want);
	}
	/* GB/T 32905, example 1; FIPS 180 */
	assert_string_equal(http_hash(HTTP_HMAC_SM3, BR_STR("abc"), &a).p,
		"66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	assert_string_equal(http_hash(HTTP_HMAC_SHA256, BR_STR("abc"), &a).p,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(http_hash(HTTP_HMAC_SHA256, BR_STR_NONE, &a).p,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	br_arena_release(&a);
}

static void templates(void **state)
{
	static const struct {
		const char *template, *url, *text;
	} cases[] = {
		{"", "", ""},
		{"/case", "/case", "/case"},
		{"/c/{lid}", "/c/1%2F%E7%94%B2%20%3F", "/c/1/甲 ?"},
		{"{lid}{lid}", "1%2F%E7%94%B2%20%3F1%2F%E7%94%B2%20%3F", "1/甲 ?1/甲 ?"},
		{"/f?b={BUSNO}&n={NAME}", "/f?b=B-1&n=old", "/f?b=B-1&n=old"},
		{"{ADDR}", "new", "new"},
		{"{STATE}", "", ""},
		{"{nosuch}", "", ""},
		{"{open", "{open", "{open"},
		{"a}b{", "a}b{", "a}b{"},
		{"{{}lid}{{}", "%7Blid}%7B", "{lid}{"},
		{"{app_key}", "key", "key"},
		{"{key}:{TXT}", "7:t", "7:t"},
	};
	struct http_options o = {.app_key = BR_STR("key")};
	struct image base, set;
	struct http_vars v = {.o = &o, .lid = BR_STR("1/甲 ?"), .key = BR_STR("7"), .part = 1};
	struct br_arena a;

	(void)state;
	br_arena_init(&a, 1 << 20);
	v.shape = test_shape(&a);
	base = image_of("BUSNO=B-1;NAME=old;ADDR=x", v.shape, &a);
	set = image_of("ADDR=new;STATE=;STEPS/7/TXT=t", v.shape, &a);
	v.base = &base;
	v.set = &set;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct br_str url = http_fill(br_str_z(cases[i].template), &v, true, &a),
			      text = http_fill(br_str_z(cases[i].template), &v, false, &a);

		if (!br_str_eq(url, br_str_z(cases[i].url)) ||
			!br_str_eq(text, br_str_z(cases[i].text)))
			fail_msg("%s: %.*s, %.*s", cases[i].template, BR_STR_ARG(url),
				BR_STR_ARG(text));
	}
	br_arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest all[] = {cmocka_unit_test(hmacs), cmocka_unit_test(templates)};

	return cmocka_run_group_tests(all, NULL, NULL);
}
