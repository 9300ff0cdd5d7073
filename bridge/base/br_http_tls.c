#include "br_http_tls.h"

#include <openssl/x509_vfy.h>

CURLcode br_http_tls_set(CURL *e, const struct br_http_tls *tls)
{
	CURLcode rc = CURLE_OK;

	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (!tls)
		return CURLE_OK;
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, tls->unchecked ? 0L : 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, tls->unchecked ? 0L : 2L);
	if (tls->ca_file) {
		/* these and nobody else: not the folder of this machine's besides */
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
		rc = curl_easy_setopt(e, CURLOPT_CAINFO, tls->ca_file);
	}
	if (!rc && tls->cert_file)
		rc = curl_easy_setopt(e, CURLOPT_SSLCERT, tls->cert_file);
	if (!rc && tls->key_file)
		rc = curl_easy_setopt(e, CURLOPT_SSLKEY, tls->key_file);
	if (!rc && tls->key_password)
		rc = curl_easy_setopt(e, CURLOPT_KEYPASSWD, tls->key_password);
	return rc;
}

static enum br_err_code of_certificate(CURL *e, const char *why)
{
	long result = X509_V_OK;

	/* curl compares the name itself, once OpenSSL has found the certificate good */
	if (strstr(why, "target host name") || strstr(why, "common name"))
		return BR_E_HTTP_TLS_NAME;
	curl_easy_getinfo(e, CURLINFO_SSL_VERIFYRESULT, &result);
	if (result == X509_V_ERR_CERT_HAS_EXPIRED || result == X509_V_ERR_CERT_NOT_YET_VALID)
		return BR_E_HTTP_TLS_DATE;
	return BR_E_HTTP_TLS_CA;
}

/* The other side has ended the handshake over our certificate, or the lack of one. Under TLS 1.3 it
 * says so when we believe that all is well. */
static bool is_about_ours(const char *why)
{
	return strstr(why, " alert ") && (strstr(why, "certificate") || strstr(why, "unknown ca") ||
						 strstr(why, "handshake failure"));
}

enum br_err_code br_http_tls_code(CURL *easy, CURLcode rc, const char *why)
{
	switch (rc) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		return of_certificate(easy, why);
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return BR_E_HTTP_TLS_FILE;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CIPHER:
		return is_about_ours(why) ? BR_E_HTTP_TLS_CLIENT : BR_E_HTTP_TLS;
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
		return is_about_ours(why) ? BR_E_HTTP_TLS_CLIENT : BR_E_OK;
	default:
		return BR_E_OK;
	}
}
