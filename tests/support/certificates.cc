#include "support/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "support/must.h"

namespace notifyd {
namespace {

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<size_t>(size));
  BIO_free(bio);
  return out;
}

std::string Pem(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  Must(PEM_write_bio_X509(bio, certificate) == 1, "a certificate");
  return TextOf(bio);
}

std::string Pem(EVP_PKEY* key, const char* password = nullptr) {
  BIO* bio = BIO_new(BIO_s_mem());
  Must(PEM_write_bio_PKCS8PrivateKey(bio, key, password ? EVP_aes_256_cbc() : nullptr, nullptr, 0, nullptr, const_cast<char*>(password)) == 1,
       "a certificate");
  return TextOf(bio);
}

void Extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  Must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "a certificate");
  X509_EXTENSION_free(extension);
}

X509* Make(EVP_PKEY* key, const std::string& subject, X509* issuer, EVP_PKEY* issuer_key, const std::string& names, bool authority,
           long seconds = 24 * 3600) {
  static long serial = 1;
  X509* made = X509_new();
  Must(made != nullptr && X509_set_version(made, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial) == 1, "a certificate");
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made), seconds);
  X509_NAME* name = X509_get_subject_name(made);
  Must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0) == 1,
       "a certificate");
  if (issuer == nullptr) issuer = made;
  Must(X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1 && X509_set_pubkey(made, key) == 1, "a certificate");
  Extend(made, issuer, NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!names.empty()) Extend(made, issuer, NID_subject_alt_name, names);
  Must(X509_sign(made, issuer_key, EVP_sha256()) > 0, "a certificate");
  return made;
}

X509* ReadCertificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* out = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return out;
}

EVP_PKEY* ReadKey(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* out = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return out;
}

}  // namespace

struct CertificateAuthority::Impl {
  EVP_PKEY* key;
  X509* certificate;
};

CertificateAuthority::CertificateAuthority() : impl_(new Impl) {
  impl_->key = EVP_EC_gen("P-256");
  impl_->certificate = Make(impl_->key, "an authority", nullptr, impl_->key, "", true);
  certificate_ = Pem(impl_->certificate);
}

CertificateAuthority::~CertificateAuthority() {
  EVP_PKEY_free(impl_->key);
  X509_free(impl_->certificate);
  delete impl_;
}

Pair CertificateAuthority::Issue(const std::string& names, const std::string& subject, long seconds) const {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = Make(key, subject, impl_->certificate, impl_->key, names, false, seconds);
  Pair out{Pem(certificate), Pem(key)};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return out;
}

PeerContext NewPeerContext(bool server, const std::string& authority, const Pair& shown) {
  PeerContext context(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
  if (!authority.empty()) {
    X509* certificate = ReadCertificate(authority);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), certificate);
    X509_free(certificate);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | (server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  }
  if (!shown.certificate.empty()) {
    X509* certificate = ReadCertificate(shown.certificate);
    EVP_PKEY* key = ReadKey(shown.key);
    Must(SSL_CTX_use_certificate(context.get(), certificate) == 1 && SSL_CTX_use_PrivateKey(context.get(), key) == 1, "the peer's certificate");
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  return context;
}

std::string EncryptKey(const std::string& key) {
  EVP_PKEY* read = ReadKey(key);
  Must(read != nullptr, "a key");
  std::string out = Pem(read, "a password");
  EVP_PKEY_free(read);
  return out;
}

}  // namespace notifyd
