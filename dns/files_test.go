package dns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seaway-io/seaway/dns/core/accept"
)

// Files that change are taken when they are good, and change nothing when they are not.
func TestFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pair := func() (chain, key string) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	}
	chain, key := pair()
	rules := &accept.Rules{}
	o := Options{CookieSecretFile: write("cookies", strings.Repeat("01", 16)), CertificateFile: write("tls.crt", chain), KeyFile: write("tls.key", key),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	f, err := openFiles(&o, rules)
	if err != nil {
		t.Fatal(err)
	}
	secrets, certificate := rules.Secrets(), f.current.Load()
	same := func(when string, wantSame bool) {
		t.Helper()
		f.look()
		if (rules.Secrets() == secrets) != wantSame || (f.current.Load() == certificate) != wantSame {
			t.Errorf("%s: the secrets are the same: %v, the certificate: %v", when, rules.Secrets() == secrets, f.current.Load() == certificate)
		}
	}
	same("nothing changed", true)
	write("cookies", "oh")
	write("tls.crt", "oh")
	same("both are broken", true)
	os.Remove(o.CookieSecretFile)
	os.Remove(o.KeyFile)
	same("both are gone", true)
	chain, key = pair()
	write("cookies", strings.Repeat("02", 16)+"\n"+strings.Repeat("01", 16))
	write("tls.crt", chain)
	write("tls.key", key)
	same("both are new", false)
	secrets, certificate = rules.Secrets(), f.current.Load()
	chain, key = pair()
	write("tls.crt", chain)
	f.look()
	if f.current.Load() != certificate {
		t.Error("a certificate was taken without its key")
	}
	write("tls.key", key)
	f.look()
	if f.current.Load() == certificate {
		t.Error("the key came later and was not taken")
	}
}
