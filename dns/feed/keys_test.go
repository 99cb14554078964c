package feed

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// secretOf is a Secret with new keys that were decided on some time after the epoch of tests.
func secretOf(t *testing.T, uid types.UID, decided time.Duration) (*corev1.Secret, string) {
	data := zonetest.KeyData(t, "apps.example.com", dnssec.Kind{Role: dnssec.CSK, Algorithm: dns.ED25519})
	state, err := dnssec.ParseState(data)
	if err != nil {
		t.Fatal(err)
	}
	state.Decided = zonetest.Now.Add(decided)
	if data["state.json"], err = json.Marshal(state); err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "keys", Name: "zone-keys-apps", UID: uid}, Data: data}, state.Version()
}

// signedWith checks with which keys the zone is served.
func (r *rig) signedWith(after time.Duration, want string) {
	r.t.Helper()
	time.Sleep(after)
	synctest.Wait()
	zones := r.engine.Report().Zones
	got := "nothing"
	if len(zones) > 0 {
		got = zones[0].KeysVersion
	}
	if got != want {
		r.t.Errorf("%s: the zone is signed with %q, want %q", time.Now().Format(time.TimeOnly), got, want)
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := stored(t)
		r := newRig(t, h, dir)
		r.signedWith(soon, "")
		if h.secrets > 0 {
			t.Error("Secrets were read although no zone is to be signed")
		}
		r.stop()
	})
	os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var last string
	synctest.Test(t, func(t *testing.T) {
		h := stored(t)
		zone := h.objects[zoneResource]["apps"].(*trafficv1alpha1.Zone)
		zone.Spec.DNSSEC = &trafficv1alpha1.ZoneDNSSEC{}
		first, one := secretOf(t, "s", time.Hour)
		h.store(secretResource, first)
		h.broken = secretResource
		r := newRig(t, h, dir)
		defer r.stop()
		r.signedWith(keysGrace-time.Second, "nothing")
		// It is not known whether there are keys; nobody expects signatures.
		r.signedWith(time.Minute, "")
		// Now they do, and it is left to others to give them.
		expected := zone.DeepCopy()
		expected.Status.DNSSEC = &trafficv1alpha1.ZoneDNSSECStatus{Keys: []trafficv1alpha1.ZoneKey{{ID: "k", AtParent: true}}}
		h.store(zoneResource, expected)
		r.signedWith(soon, "nothing")
		h.mu.Lock()
		h.broken = ""
		h.mu.Unlock()
		r.signedWith(3*time.Second, one)

		newer, two := secretOf(t, "s", 2*time.Hour)
		h.store(secretResource, newer)
		r.signedWith(soon, two)
		older, _ := secretOf(t, "s", time.Hour)
		h.store(secretResource, older)
		r.signedWith(soon, two)
		broken, _ := secretOf(t, "s", 3*time.Hour)
		for name := range broken.Data {
			if strings.HasSuffix(name, ".private") {
				broken.Data[name] = []byte("nonsense")
			}
		}
		h.store(secretResource, broken)
		r.signedWith(time.Minute, two)
		h.store(secretResource, newer)
		r.signedWith(soon, two)

		// The Secret is deleted by mistake, and comes back.
		h.remove(secretResource, "zone-keys-apps")
		r.signedWith(time.Minute, two)
		h.become("errors")
		h.become("")
		r.signedWith(2*time.Minute, two)
		again := newer.DeepCopy()
		again.UID, again.CreationTimestamp = "t", metav1.NewTime(zonetest.Now)
		h.store(secretResource, again)
		r.signedWith(2*time.Second, two)
		last = two
	})
	info, err := os.Stat(filepath.Join(dir, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	for _, other := range []string{stateFile, verdictFile} {
		if b, _ := os.ReadFile(filepath.Join(dir, other)); strings.Contains(string(b), "PrivateKey") {
			t.Errorf("%s tells keys", other)
		}
	}
	// Without the hub, and with it again: the zone and then its Secret are deleted, and the keys with them.
	synctest.Test(t, func(t *testing.T) {
		h := stored(t)
		h.become("gone")
		r := newRig(t, h, dir)
		defer r.stop()
		r.signedWith(time.Minute, last)
		h.mu.Lock()
		zone := h.objects[zoneResource]["apps"].(*trafficv1alpha1.Zone)
		zone.Spec.DNSSEC, zone.Generation = &trafficv1alpha1.ZoneDNSSEC{}, 2
		h.mu.Unlock()
		secret, three := secretOf(t, "t", 5*time.Hour)
		h.store(secretResource, secret)
		h.become("")
		r.signedWith(time.Minute, three)
		h.remove(secretResource, "zone-keys-apps")
		r.signedWith(soon, three)
		h.remove(zoneResource, "apps")
		r.signedWith(3*time.Second, "nothing")
	})
	kept, _, err := LoadKeys(dir)
	if err != nil || len(kept) > 0 {
		t.Errorf("keys of a zone that is gone: %d, %v", len(kept), err)
	}
}

// A damaged file of keys is passed over, and no error tells what is in it.
func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	s, _ := secretOf(t, "s", 0)
	for i := range 2 {
		if err := SaveKeys(dir, uint64(i), []*corev1.Secret{s}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, keyFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b[:len(b)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	got, _, err := LoadKeys(dir)
	if err == nil || len(got) != 1 || !maps.EqualFunc(got[0].Data, s.Data, func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Errorf("%v, %v", got, err)
	}
	for name, data := range s.Data {
		if strings.HasSuffix(name, ".private") && strings.Contains(fmt.Sprint(err), string(data)) {
			t.Error("the error tells the key")
		}
	}
}
