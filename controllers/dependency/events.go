package dependency

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/deps"
	"github.com/seaway-io/seaway/controllers/hub"
)

// told is how many parents hear of what is wrong with one dependency; it is the same for all.
const told = 10

// tell records an event on a binding and on its template.
func (s *shared) tell(b *workv1alpha2.ResourceBinding, kind, reason, message string) {
	hub.Tell(s.recorder, b, kind, reason, "%s", message)
}

// tellFound says what a template was found to refer to, and what of it is refused.
func (s *shared) tellFound(b *workv1alpha2.ResourceBinding, references []deps.Reference, refused []error) {
	if len(references) > 0 {
		s.tell(b, "Normal", names.EventReasonGetDependenciesSucceed, fmt.Sprintf("Dependencies found: %d", len(references)))
	}
	if more := len(refused) - told; more > 0 {
		refused = append(refused[:told:told], fmt.Errorf("and %d more", more))
	}
	if len(refused) > 0 {
		s.tell(b, "Warning", names.EventReasonGetDependenciesFailed, errors.Join(refused...).Error())
	}
}

// tellFailed says that a dependency can not be attached to those parents that lack it.
func (s *shared) tellFailed(in deps.Input, err error) {
	said := 0
	for _, parent := range in.Parents {
		if in.Present != nil && deps.KeyOf(in.Present) == in.Dependency && deps.Holds(in.Present, parent) {
			continue
		}
		if said++; said > told {
			return
		}
		s.tell(parent, "Warning", names.EventReasonSyncDependenciesFailed, fmt.Sprintf("%s does not follow: %v", in.Dependency, err))
	}
}

// tellConflicts says on a dependency and on its parents where the parents disagree, and who wins.
func (s *shared) tellConflicts(in deps.Input, out deps.Result) {
	b := out.Binding
	if b == nil {
		b = in.Present
	}
	message := fmt.Sprintf("The policies of what needs %s disagree: %s. It has conflictResolution %s and preserveResourcesOnDeletion %t",
		in.Dependency, strings.Join(out.Conflicts, ", "), b.Spec.ConflictResolution, ptr.Deref(b.Spec.PreserveResourcesOnDeletion, false))
	s.tell(b, "Warning", names.EventReasonDependencyPolicyConflict, message)
	for i, parent := range in.Parents {
		if i == told {
			return
		}
		s.tell(parent, "Warning", names.EventReasonDependencyPolicyConflict, message)
	}
}
