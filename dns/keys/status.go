package keys

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
)

// conclusion is the condition Secure, and what else there is to say of a Zone.
type conclusion struct {
	secure          bool
	reason, message string
	waits           string
	again           time.Time
	// over: the zone is not signed and not to be, and nothing is left to do.
	over bool
}

func (c conclusion) status() metav1.ConditionStatus {
	if c.secure {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// judge says whether validators have all they need.
func judge(zone *trafficv1alpha1.Zone, out outcome, seen dnssec.Parent, now time.Time) conclusion {
	c := conclusion{waits: out.waits}
	unwanted := zone.Spec.DNSSEC == nil
	trusted, asked := false, false
	for i := range out.state.Keys {
		k := &out.state.Keys[i]
		if !k.InKeySet() || k.Role == dnssec.ZSK {
			continue
		}
		asked = asked || !k.Submitted.IsZero()
		trusted = trusted || !k.Seen.IsZero() && !now.Before(k.Seen.Add(k.ParentTTL))
	}
	c.secure = trusted && !seen.Foreign
	waiting := ""
	if out.waits != "" {
		waiting = ": waiting for " + out.waits
	}
	switch {
	case unwanted && len(out.state.Keys) == 0:
		c.reason, c.message = trafficv1alpha1.ReasonUnsigned, "the zone is not signed"
		c.over = !out.state.Confirmed.IsZero() || out.state.Decided.IsZero()
	case unwanted:
		c.reason, c.message = trafficv1alpha1.ReasonUnsigning, "the zone stays signed until nobody expects signatures any more"+waiting
	case seen.Foreign:
		c.reason, c.message = trafficv1alpha1.ReasonParentForeignDS, "the parent has a DS record of a key that is not one of the zone's: have it removed"+waiting
	case trusted && (out.waits != "" || len(out.state.Keys) > len(policyOf(zone.Spec.DNSSEC).Keys)):
		c.reason, c.message = trafficv1alpha1.ReasonRollingOver, "keys are being replaced"+waiting
	case trusted:
		c.reason, c.message = trafficv1alpha1.ReasonSecure, "the parent has the DS record of a key that the zone is signed with"
	case asked:
		c.reason, c.message = trafficv1alpha1.ReasonAwaitingDS, "the zone is signed; give the parent the DS records in status.dnssec.ds, unless it reads CDS records"+waiting
	default:
		c.reason, c.message = trafficv1alpha1.ReasonUnsigned, "the zone is being signed"+waiting
	}
	return c
}

// status is what a Zone says of its keys.
func status(ring *keyring, seen dnssec.Parent, waits string) *trafficv1alpha1.ZoneDNSSECStatus {
	s := &trafficv1alpha1.ZoneDNSSECStatus{WaitsFor: waits}
	for i := range ring.state.Keys {
		k := &ring.state.Keys[i]
		state := stateOf(k)
		s.Keys = append(s.Keys, trafficv1alpha1.ZoneKey{
			ID: k.ID, Role: string(k.Role), Algorithm: algorithmName(k.Algorithm), Tag: int32(ring.keys[k.ID].KeyTag()),
			State: state, Since: metav1.NewTime(since(k, state).Truncate(time.Second)), AtParent: !k.Seen.IsZero(),
		})
		if !k.Submitted.IsZero() {
			s.DS = append(s.DS, dsOf(ring.keys[k.ID]))
		}
	}
	return s
}

func algorithmName(number uint8) trafficv1alpha1.DNSSECAlgorithm {
	for name, n := range dnssec.Algorithms {
		if n == number {
			return trafficv1alpha1.DNSSECAlgorithm(name)
		}
	}
	return trafficv1alpha1.DNSSECAlgorithm(strings.ToUpper(fmt.Sprint("algorithm ", number)))
}

func stateOf(k *dnssec.Life) trafficv1alpha1.ZoneKeyState {
	signs := k.SignsData() || k.SignsKeySet() && k.Role == dnssec.KSK
	switch {
	case k.InKeySet() && signs:
		return trafficv1alpha1.ZoneKeySigning
	case k.InKeySet() && !k.Silent.IsZero():
		return trafficv1alpha1.ZoneKeyRetired
	case k.InKeySet():
		return trafficv1alpha1.ZoneKeyPublished
	}
	return trafficv1alpha1.ZoneKeyHidden
}

// since is when a key's state began.
func since(k *dnssec.Life, state trafficv1alpha1.ZoneKeyState) time.Time {
	switch state {
	case trafficv1alpha1.ZoneKeySigning:
		if k.Published.After(k.Signed) {
			return k.Published
		}
		return k.Signed
	case trafficv1alpha1.ZoneKeyRetired:
		return k.Silent
	case trafficv1alpha1.ZoneKeyPublished:
		return k.Published
	}
	if !k.Withdrawn.IsZero() {
		return k.Withdrawn
	}
	return k.Signed
}
