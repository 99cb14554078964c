package hubclient

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pageSize is how many objects are asked for at a time.
const pageSize = 500

// Pages lists page after page of the kind of empty, and calls next with each. It ends with the last
// page, or when next returns false.
func Pages[L client.ObjectList](ctx context.Context, c client.Reader, empty L, next func(L) bool, opts ...client.ListOption) error {
	for token := ""; ; {
		page := empty.DeepCopyObject().(L) // what is decoded into a list that was used keeps some of it
		if err := c.List(ctx, page, append([]client.ListOption{client.Limit(pageSize), client.Continue(token)}, opts...)...); err != nil {
			return err
		}
		if token = page.GetContinue(); !next(page) || token == "" {
			return nil
		}
	}
}
