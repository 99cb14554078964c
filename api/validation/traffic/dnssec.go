package traffic

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

const (
	// minKeyLifetime is the shortest life of a key: a rollover has to wait for caches, twice.
	minKeyLifetime = 24 * time.Hour
	// maxKeyLifetime keeps lifetimes to what is of any use.
	maxKeyLifetime = 10 * 365 * 24 * time.Hour
	maxPropagation = 7 * 24 * time.Hour
)

func validateDNSSEC(s *trafficv1alpha1.ZoneSpec, spec *field.Path) (errs field.ErrorList) {
	d, path := s.DNSSEC, spec.Child("dnssec")
	if d == nil {
		return nil
	}
	if s.Secondary != nil {
		errs = append(errs, field.Forbidden(path, "a copy of another server's zone is signed there: leave it out"))
	}
	if s.Transfers != nil {
		// Absent names are denied with what is signed for each question, which a copy has not.
		errs = append(errs, field.Forbidden(spec.Child("transfers"), "a signed zone cannot be copied: leave out this or spec.dnssec"))
	}
	algorithms := []trafficv1alpha1.DNSSECAlgorithm{trafficv1alpha1.DNSSECAlgorithmECDSAP256SHA256, trafficv1alpha1.DNSSECAlgorithmED25519}
	if d.Algorithm != "" && !slices.Contains(algorithms, d.Algorithm) {
		errs = append(errs, field.NotSupported(path.Child("algorithm"), d.Algorithm, algorithms))
	}
	modes := []trafficv1alpha1.DNSSECKeys{trafficv1alpha1.DNSSECKeysSingle, trafficv1alpha1.DNSSECKeysSplit}
	if d.Keys != "" && !slices.Contains(modes, d.Keys) {
		errs = append(errs, field.NotSupported(path.Child("keys"), d.Keys, modes))
	}
	if d.ZoneKeyLifetime != nil && d.Keys != trafficv1alpha1.DNSSECKeysSplit {
		errs = append(errs, field.Forbidden(path.Child("zoneKeyLifetime"), "there is a zone key only with keys: Split; write keyLifetime for the one key"))
	}
	for _, v := range []struct {
		name        string
		value       *metav1.Duration
		least, most time.Duration
	}{
		{"keyLifetime", d.KeyLifetime, minKeyLifetime, maxKeyLifetime},
		{"zoneKeyLifetime", d.ZoneKeyLifetime, minKeyLifetime, maxKeyLifetime},
		{"propagation", d.Propagation, 0, maxPropagation},
	} {
		if v.value != nil && (v.value.Duration < v.least || v.value.Duration > v.most) {
			errs = append(errs, field.Invalid(path.Child(v.name), v.value.Duration.String(), fmt.Sprintf("must be from %s to %s", v.least, v.most)))
		}
	}
	return errs
}
