package keys

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
)

// SecretName is the name of the Secret with the keys of a Zone.
func SecretName(zone string) string {
	return "zone-keys-" + short(zone, validation.DNS1123SubdomainMaxLength-len("zone-keys-"))
}

// short is a name, or what stands for one that is too long.
func short(name string, most int) string {
	if len(name) <= most {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	end := "-" + hex.EncodeToString(sum[:8])
	return strings.TrimRight(name[:most-len(end)], "-.") + end
}

// keyring is the keys of a zone and their state, as they are in a Secret.
type keyring struct {
	secret *corev1.Secret // nil if there is none
	state  dnssec.State
	keys   map[string]*dns.DNSKEY // public, by ID
	texts  map[string]pair        // by ID
	made   map[string]dnssec.Kind // those that are not in the Secret yet
}

// pair is a key as it is written. It has no String of its own that could show up somewhere.
type pair struct{ public, private []byte }

// read reads a zone's Secret. One that cannot be understood is an error, and never overwritten.
func read(ctx context.Context, c client.Reader, zone *trafficv1alpha1.Zone, namespace string) (*keyring, error) {
	r := &keyring{state: dnssec.State{Domain: zone.Spec.Domain}, keys: map[string]*dns.DNSKEY{}, texts: map[string]pair{}, made: map[string]dnssec.Kind{}}
	secret := &corev1.Secret{}
	err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: SecretName(zone.Name)}, secret)
	if apierrors.IsNotFound(err) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the Secret %s/%s: %w", namespace, SecretName(zone.Name), err)
	}
	r.secret = secret
	wrong := func(format string, args ...any) (*keyring, error) {
		return nil, invalid{fmt.Sprintf("the Secret %s/%s ", namespace, secret.Name) + fmt.Sprintf(format, args...)}
	}
	if secret.Type != trafficv1alpha1.ZoneKeysSecretType {
		return wrong("is of type %q and not %s: move it out of the way", secret.Type, trafficv1alpha1.ZoneKeysSecretType)
	}
	if _, err := dnssec.ParseRing(secret.Data); err != nil {
		return wrong("cannot be used: %v; restore it", err)
	}
	state, err := dnssec.ParseState(secret.Data)
	if err != nil {
		return wrong("cannot be used: %v; restore it", err)
	}
	if state.Domain != zone.Spec.Domain {
		return wrong("is that of %s: delete it", state.Domain)
	}
	r.state = *state
	for _, k := range state.Keys {
		text := pair{secret.Data[k.ID+trafficv1alpha1.ZoneKeysPublicSuffix], secret.Data[k.ID+trafficv1alpha1.ZoneKeysPrivateSuffix]}
		key, err := dnssec.ParseKey(string(text.public), string(text.private))
		if err != nil {
			return wrong("cannot be used: key %s: %v; restore it", k.ID, err)
		}
		r.keys[k.ID], r.texts[k.ID] = key.DNSKEY, text
	}
	return r, nil
}

// invalid is an error that does not go away by itself.
type invalid struct{ text string }

func (e invalid) Error() string { return e.text }

// make makes a key. No two keys of a zone have one tag: validators would have to try both.
func (r *keyring) make(kind dnssec.Kind) (string, error) {
	for {
		k := &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: dns.CanonicalName(r.state.Domain), Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
			Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: kind.Algorithm,
		}
		if kind.Role == dnssec.ZSK {
			k.Flags = dns.ZONE
		}
		private, err := k.Generate(256)
		if err != nil {
			return "", fmt.Errorf("make a key: %w", err)
		}
		if slices.ContainsFunc(slices.Collect(maps.Values(r.keys)), func(o *dns.DNSKEY) bool { return o.KeyTag() == k.KeyTag() }) {
			continue
		}
		id := fmt.Sprintf("%s-%s-%d", strings.ToLower(string(kind.Role)), strings.ToLower(dns.AlgorithmToString[kind.Algorithm]), k.KeyTag())
		r.keys[id] = k
		r.texts[id] = pair{[]byte(k.String() + "\n"), []byte(k.PrivateKeyString(private))}
		r.made[id] = kind
		return id, nil
	}
}

// write writes the Secret if it is to change: one request, which fails if somebody else was faster.
func (r *keyring) write(ctx context.Context, c client.Client, zone *trafficv1alpha1.Zone, namespace string, state dnssec.State) error {
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	data := map[string][]byte{trafficv1alpha1.ZoneKeysState: text}
	for _, k := range state.Keys {
		data[k.ID+trafficv1alpha1.ZoneKeysPublicSuffix] = r.texts[k.ID].public
		data[k.ID+trafficv1alpha1.ZoneKeysPrivateSuffix] = r.texts[k.ID].private
	}
	r.state = state
	if r.secret == nil {
		if len(state.Keys) == 0 {
			return nil
		}
		r.secret = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: SecretName(zone.Name),
				Labels:          map[string]string{trafficv1alpha1.ZoneKeysLabel: short(zone.Name, validation.LabelValueMaxLength)},
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(zone, trafficv1alpha1.GroupVersion.WithKind("Zone"))},
			},
			Type: trafficv1alpha1.ZoneKeysSecretType, Data: data,
		}
		return c.Create(ctx, r.secret)
	}
	if maps.EqualFunc(r.secret.Data, data, bytes.Equal) {
		return nil
	}
	r.secret.Data = data
	return c.Update(ctx, r.secret)
}
