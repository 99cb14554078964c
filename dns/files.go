package dns

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/cookie"
)

// files are the secrets and the certificate, as they were read last. They are read again when they
// change, as they do when a Secret that is mounted does; ones that are no good change nothing.
type files struct {
	cookies, certificate, key string
	rules                     *accept.Rules
	current                   atomic.Pointer[tls.Certificate]
	seen                      [3][]byte // for each file, so that an error is told once
	log                       *slog.Logger
}

// openFiles reads the files. Without a file of secrets, the server has one of its own.
func openFiles(o *Options, rules *accept.Rules) (*files, error) {
	f := &files{cookies: o.CookieSecretFile, certificate: o.CertificateFile, key: o.KeyFile, rules: rules, log: o.Log}
	if (f.certificate == "") != (f.key == "") {
		return nil, errors.New("--tls-cert-file, --tls-key-file: one needs the other")
	}
	if len(o.TLSListen)+len(o.HTTPSListen)+len(o.QUICListen) > 0 && f.certificate == "" {
		return nil, errors.New("--tls-listen, --https-listen, --quic-listen: give a certificate with --tls-cert-file and --tls-key-file")
	}
	if f.cookies == "" {
		var own cookie.Secret
		_, _ = rand.Read(own[:]) // it never fails
		s, err := cookie.NewSecrets(own)
		if err != nil {
			return nil, err
		}
		rules.SetSecrets(s)
	}
	if _, err := f.readCookies(); err != nil {
		return nil, fmt.Errorf("--cookie-secret-file: %w", err)
	}
	if _, err := f.readCertificate(); err != nil {
		return nil, fmt.Errorf("--tls-cert-file, --tls-key-file: %w", err)
	}
	return f, nil
}

// filesEvery is how often the files of secrets and certificates are looked at.
const filesEvery = 10 * time.Second

// watch reads the files again when they have changed.
func (f *files) watch(ctx context.Context) {
	if f.cookies == "" && f.certificate == "" {
		return
	}
	tick := time.NewTicker(filesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.look()
		}
	}
}

func (f *files) look() {
	if changed, err := f.readCookies(); err != nil {
		f.log.Error("the cookie secrets changed and are no good: the old ones stay in use", "error", err)
	} else if changed {
		f.log.Info("new cookie secrets")
	}
	if changed, err := f.readCertificate(); err != nil {
		f.log.Error("the certificate changed and is no good: the old one stays in use", "error", err)
	} else if changed {
		f.log.Info("new certificate")
	}
}

// read reads a file and reports whether it has changed.
func (f *files) read(path string, seen *[]byte) (text []byte, changed bool, err error) {
	if text, err = os.ReadFile(path); err != nil {
		text = []byte(err.Error())
	}
	changed = !bytes.Equal(text, *seen)
	*seen = text
	if !changed {
		err = nil
	}
	return text, changed, err
}

func (f *files) readCookies() (changed bool, err error) {
	if f.cookies == "" {
		return false, nil
	}
	text, changed, err := f.read(f.cookies, &f.seen[0])
	if err != nil || !changed {
		return false, err
	}
	s, err := cookie.ParseSecrets(text)
	if err != nil {
		return false, err
	}
	f.rules.SetSecrets(s)
	return true, nil
}

func (f *files) readCertificate() (changed bool, err error) {
	if f.certificate == "" {
		return false, nil
	}
	chain, first, err := f.read(f.certificate, &f.seen[1])
	if err != nil {
		return false, err
	}
	key, second, err := f.read(f.key, &f.seen[2])
	if err != nil || !first && !second {
		return false, err
	}
	c, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return false, err
	}
	f.current.Store(&c)
	return true, nil
}

// get gives the certificate that is current at each handshake; nil without one.
func (f *files) get() func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if f.certificate == "" {
		return nil
	}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.current.Load(), nil }
}
