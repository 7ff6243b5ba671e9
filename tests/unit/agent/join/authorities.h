/* SPDX-License-Identifier: Apache-2.0 */
/* Authorities for tests, and what openssl(1), sha256sum(1) and Python's hmac say of them. A second one has the first
 * one's name. */
#ifndef VKS_TESTS_UNIT_AGENT_JOIN_AUTHORITIES_H
#define VKS_TESTS_UNIT_AGENT_JOIN_AUTHORITIES_H

static const char root_pem[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIIBhTCCASugAwIBAgIUcwPwZ8CU3G1xOYVHa5+0Yp0xH0owCgYIKoZIzj0EAwIw\n"
                               "DzENMAsGA1UEAwwEcm9vdDAgFw0yNjExMjcxMDE2MjVaGA8yMTI2MTEwMzEwMTYy\n"
                               "NVowDzENMAsGA1UEAwwEcm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABN+x\n"
                               "sam5xG8epRwmlfr1LOepDZKFlNx1UQWQFYvR6jramZtluJZGCxycvezpj54QPiOb\n"
                               "bnW556EIbs4QzFNSaSyjYzBhMB0GA1UdDgQWBBReNPXGGizgthlnG/+dArMzWbCI\n"
                               "KjAfBgNVHSMEGDAWgBReNPXGGizgthlnG/+dArMzWbCIKjAPBgNVHRMBAf8EBTAD\n"
                               "AQH/MA4GA1UdDwEB/wQEAwICBDAKBggqhkjOPQQDAgNIADBFAiEA8BM6QqhEw8ct\n"
                               "HUyoUZZC50wtyh9O2ojX5OXUmiWgnvUCICvhuK2YEpqCG7oYpq04AJcS/RhSc9FO\n"
                               "pGiLA8vRZmhS\n"
                               "-----END CERTIFICATE-----\n";
static const char intermediate_pem[] = /* signed by that */
        "-----BEGIN CERTIFICATE-----\n"
        "MIIBcTCCARegAwIBAgIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARyb290MCAX\n"
        "DTI2MTEyNzEwMTYyNVoYDzIxMjYxMTAzMTAxNjI1WjAOMQwwCgYDVQQDDANtaWQw\n"
        "WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQLWQb9J3bRsn5GO61smcXCNZls4jXf\n"
        "DTTfULUyfvLgh48okPzAtzlewiXTmw6f7SOALT1pYe8hqFE2vlPMq0c8o2MwYTAP\n"
        "BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwICBDAdBgNVHQ4EFgQUvSPEUZO4\n"
        "5PxVMtDismZJ15SEScowHwYDVR0jBBgwFoAUXjT1xhos4LYZZxv/nQKzM1mwiCow\n"
        "CgYIKoZIzj0EAwIDSAAwRQIhAL6CUtF+d7OCxqqvr9cb/BJ8RRi9A6DbHstJ9E+m\n"
        "lJ3eAiAShid0YS2xeOoRSfHtdwTopvnFS9mcdjw9YuFl7B/L2Q==\n"
        "-----END CERTIFICATE-----\n";
static const char namesake_pem[] = "-----BEGIN CERTIFICATE-----\n"
                                   "MIIBdTCCARugAwIBAgIUQ8rsK7fh2TX6wBB9ljhsF8la6N0wCgYIKoZIzj0EAwIw\n"
                                   "DzENMAsGA1UEAwwEcm9vdDAgFw0yNjExMjcxMDE2MjVaGA8yMTI2MTEwMzEwMTYy\n"
                                   "NVowDzENMAsGA1UEAwwEcm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHi9\n"
                                   "f++O6+xdR+gnrHwyzvbej8Da9Jzxf3EGMd2Trv8GMjb42w2VDWlXzDd2cW6r6liQ\n"
                                   "pGO0LNkYhyWH6RLamx2jUzBRMB0GA1UdDgQWBBRZICnuJojaS1JEA6pgGni6Mjtc\n"
                                   "XzAfBgNVHSMEGDAWgBRZICnuJojaS1JEA6pgGni6MjtcXzAPBgNVHRMBAf8EBTAD\n"
                                   "AQH/MAoGCCqGSM49BAMCA0gAMEUCIQDvi4kpj8fJHhuxwK7YMM21/a/3bW5C13lD\n"
                                   "FWK3Vx3UngIgT73XlGEswJzgIff3NGqtVTX0Vj7PigbcBaDdbccbMbE=\n"
                                   "-----END CERTIFICATE-----\n";

#define ROOT_PIN     "6eb583885ffea0b9f8c311b9d9e68c6fd2171d45b29250764cfff9f8a7d0adba" /* of its public key */
#define ROOT_FILE    "e1ec7752c893347f43f6d16a8940b520220ccaf8b3fd9183383407a4416c1a26" /* of the text above */
#define ROOT_DER     "6d7e6c1c5f03f8b5977be8925a62a2fd69d3586e0451e05a0598706481b81a73" /* of its bytes */
#define NAMESAKE_PIN "7f13269607ac21ccaa27fa8d316ba660e2a38acb090454e00d435e6cef935e4d"
#define ROOT_BASE64                                                                                                    \
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJoVENDQVN1Z0F3SUJBZ0lVY3dQd1o4Q1UzRzF4T1lWSGE1KzBZcDB4SDBvd0NnWUlL" \
        "b1pJemowRUF3SXcKRHpFTk1Bc0dBMVVFQXd3RWNtOXZkREFnRncweU5qRXhNamN4TURFMk1qVmFHQTh5TVRJMk1URXdNekV3TVRZeQpOVm93" \
        "RHpFTk1Bc0dBMVVFQXd3RWNtOXZkREJaTUJNR0J5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSEEwSUFCTit4CnNhbTV4RzhlcFJ3bWxmcjFMT2Vw" \
        "RFpLRmxOeDFVUVdRRll2UjZqcmFtWnRsdUpaR0N4eWN2ZXpwajU0UVBpT2IKYm5XNTU2RUliczRRekZOU2FTeWpZekJoTUIwR0ExVWREZ1FX" \
        "QkJSZU5QWEdHaXpndGhsbkcvK2RBck16V2JDSQpLakFmQmdOVkhTTUVHREFXZ0JSZU5QWEdHaXpndGhsbkcvK2RBck16V2JDSUtqQVBCZ05W" \
        "SFJNQkFmOEVCVEFECkFRSC9NQTRHQTFVZER3RUIvd1FFQXdJQ0JEQUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpRUE4Qk02UXFoRXc4Y3QKSFV5" \
        "b1VaWkM1MHd0eWg5TzJvalg1T1hVbWlXZ252VUNJQ3ZodUsyWUVwcUNHN29ZcHEwNEFKY1MvUmhTYzlGTwpwR2lMQTh2UlptaFMKLS0tLS1F" \
        "TkQgQ0VSVElGSUNBVEUtLS0tLQo="
#define SIGNATURE                                                                                                          \
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..Sv7x5A-YNzny0ZX-rLqnCsDhzKuKqdL_9OjZ6UYpsq4" /* of KUBECONFIG by        \
                                                                                                   abcdef.0123456789abcdef \
                                                                                                 */
#define SIGNATURE_384                                                                                                  \
        "eyJhbGciOiJIUzM4NCIsImtpZCI6ImFiY2RlZiJ9..kq290jcw-wtonGuRS0eMP4SCHyGMEGQGJSINTKDomxpK9vSttO4556_pfevPJVA9" /* the same by HS384 */
#define SIGNATURE_KID                                                                                                  \
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImZlZGNiYSJ9..6cURq9kYFtPnwY-JXYsXCOs4KWQM5D0c7QJja3iTH08" /* the same, with      \
                                                                                                   another key's name  \
                                                                                                 */

#define KUBECONFIG(ca)                                                                                                 \
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: " ca                                   \
        "\n    server: https://192.0.2.1:6443\n  name: \"\"\ncontexts: null\ncurrent-context: \"\"\nkind: Config\n"    \
        "users: null\n"

#endif
