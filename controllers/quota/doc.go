// Package quota runs FederatedResourceQuotas: it sends the clusters their shares as Works, brings their use
// home, and counts what the bindings of a namespace use. It does not refuse anything: clusters enforce
// their shares, and admission (controllers/webhook) the whole, by the ledger that is kept here.
package quota
