package dns

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/names"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/dns"
)

// An ACME client proves a name through one name server, and every other serves the proof.
func TestUpdatesReachEveryServer(t *testing.T) {
	home := hubtest.Start(t, hubtest.Options{Hub: true})
	installCRDs(t, home)
	const key = "c2Vhd2F5LXRlc3Qta2V5LW9uZS1zZWF3YXk="
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: names.SystemNamespace}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.SystemNamespace, Name: "acme"}, Data: map[string][]byte{"secret": []byte(key)}},
		&v1.Zone{ObjectMeta: metav1.ObjectMeta{Name: "apps"}, Spec: v1.ZoneSpec{
			Domain: "apps.example.com", NameServers: []v1.NameServer{{Name: "ns1.example.net"}},
			Updates: &v1.Updates{Keys: []v1.UpdateKey{{Name: "acme", SecretRef: v1.SecretKeyRef{Name: "acme", Key: "secret"}}}}}},
	} {
		if err := home.Client.Create(t.Context(), o); client.IgnoreAlreadyExists(err) != nil {
			t.Fatal(err)
		}
	}
	config := func() (*rest.Config, error) { return home.Config, nil }
	var servers []*dns.Server
	for _, name := range []string{"ns1", "ns2"} {
		s, err := dns.New(dns.Options{Name: name, Config: config, Listen: []string{"127.0.0.1:0"}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			t.Fatal(err)
		}
		run(t, s)
		servers = append(servers, s)
	}
	home.Eventually("the zone is served", func(context.Context) error {
		for _, s := range servers {
			if m := ask(t, s.Addresses()[0], question("apps.example.com", miekg.TypeSOA)); len(m.Answer) != 1 {
				return fmt.Errorf("%s", miekg.RcodeToString[m.Rcode])
			}
		}
		return nil
	})

	c, sent := miekg.Client{Timeout: patience, TsigSecret: map[string]string{"acme.": key}}, 0
	update := func(change func(*miekg.Msg)) int {
		t.Helper()
		m := new(miekg.Msg)
		m.SetUpdate("apps.example.com.")
		change(m)
		m.SetTsig("acme.", miekg.HmacSHA256, 300, time.Now().Unix())
		// By either transport in turn.
		if sent++; sent%2 == 0 {
			c.Net = "tcp"
		} else {
			c.Net = "udp"
		}
		out, _, err := c.Exchange(m, servers[0].Addresses()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		return out.Rcode
	}
	token := func(text string) []miekg.RR {
		rr, err := miekg.NewRR("_acme-challenge.shop.apps.example.com. 60 TXT " + text)
		if err != nil {
			t.Fatal(err)
		}
		return []miekg.RR{rr}
	}
	everywhere := func(what string, want int) {
		t.Helper()
		home.Eventually(what, func(context.Context) error {
			for _, s := range servers {
				m := ask(t, s.Addresses()[0], question("_acme-challenge.shop.apps.example.com", miekg.TypeTXT))
				if len(m.Answer) != want {
					return fmt.Errorf("%s answers %v", s.Addresses()[0], m.Answer)
				}
			}
			return nil
		})
	}
	for i, text := range []string{"one", "two"} {
		if rcode := update(func(m *miekg.Msg) { m.Insert(token(text)) }); rcode != 0 {
			t.Fatal(miekg.RcodeToString[rcode])
		}
		everywhere("the proof is served", i+1)
	}
	if rcode := update(func(m *miekg.Msg) { m.RemoveRRset(token("x")) }); rcode != 0 {
		t.Fatal(miekg.RcodeToString[rcode])
	}
	everywhere("the proof is gone", 0)
	home.Stop()
	if rcode := update(func(m *miekg.Msg) { m.Insert(token("three")) }); rcode != miekg.RcodeServerFailure {
		t.Fatalf("without the hub: %s", miekg.RcodeToString[rcode])
	}
}

func installCRDs(t *testing.T, home *hubtest.ControlPlane) {
	err := fs.WalkDir(charts.CRDs(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(charts.CRDs(), path)
		if err != nil || !bytes.Contains(text, []byte("group: "+v1.GroupName)) {
			return err
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			return err
		}
		return home.Client.Create(t.Context(), crd)
	})
	if err != nil {
		t.Fatal(err)
	}
	home.Eventually("the API is served", func(ctx context.Context) error {
		for _, list := range []client.ObjectList{&v1.ZoneList{}, &v1.ZoneRecordsList{}, &v1.TrafficPlanList{}, &v1.RegionMapList{}, &v1.EndpointHealthList{}} {
			if err := home.Client.List(ctx, list); err != nil {
				return err
			}
		}
		return nil
	})
}
