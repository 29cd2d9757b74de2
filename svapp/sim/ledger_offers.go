package sim

import (
	"net/http"
	"time"
)

// offer is a classic transfer offer (reference/apis.md 6.3). It locks nothing: whether there is enough shows when it is completed.
type offer struct {
	tracking, sender, receiver, description string
	value                                   coin
	expires                                 time.Time
	past                                    []offerState // oldest first
}

// offerState is how far an offer is, since when, and under which contract.
type offerState struct {
	since                                                  time.Time
	status, contract, transaction, failure, withdrawnCause string
}

func (o *offer) now() offerState { return o.past[len(o.past)-1] }

// Status of an offer, and why one failed.
const (
	statusCreated   = "created"
	statusAccepted  = "accepted"
	statusCompleted = "completed"
	statusFailed    = "failed"

	failedExpired   = "expired"
	failedRejected  = "rejected"
	failedWithdrawn = "withdrawn"
)

func (l *Ledger) offerOf(sender, tracking string) *offer {
	for _, o := range l.offers {
		if o.sender == sender && o.tracking == tracking {
			return o
		}
	}
	return nil
}

// turn is the next state of an offer. One that failed or is completed has no contract any more.
func (l *Ledger) turn(o *offer, s offerState) {
	s.since, s.transaction = l.now, l.id()
	if s.status == statusCreated || s.status == statusAccepted {
		s.contract = l.id()
	}
	o.past = append(o.past, s)
}

// makeOffer creates an offer. What the ledger says of a receiver that it does not know was not verified.
func (l *Ledger) makeOffer(o *offer) (any, error) {
	if !l.known(o.receiver) {
		return nil, absent("PARTIES_NOT_KNOWN_ON_LEDGER(11,0): Parties not known on ledger: " + o.receiver)
	}
	if end := l.now.Add(l.o.OfferLasts); len(l.offers) == 0 && l.o.OfferLasts > 0 && o.expires.After(end) {
		o.expires = end
	}
	l.created[o.tracking]++
	l.turn(o, offerState{status: statusCreated})
	l.offers = append(l.offers, o)
	l.at(o.expires, func() { l.expire(o) })
	return map[string]any{"offer_contract_id": o.now().contract}, nil
}

// expire is the sender's automation: who carries it out upstream was not verified.
func (l *Ledger) expire(o *offer) {
	if o.now().status == statusCreated && l.tended[o.sender] > 0 {
		l.turn(o, offerState{status: statusFailed, failure: failedExpired})
	}
}

// complete is the sender's automation after an acceptance: only it moves the money, and too little shows here.
func (l *Ledger) complete(o *offer) {
	if o.now().status != statusAccepted || l.tended[o.sender] == 0 {
		return
	}
	if _, _, err := l.move(o.sender, o.receiver, o.value); err != nil {
		l.turn(o, offerState{status: statusFailed, failure: failedWithdrawn, withdrawnCause: err.Error()}) // wording not verified
		return
	}
	l.turn(o, offerState{status: statusCompleted})
}

// resume goes on with what a party's automation had left when it ended.
func (l *Ledger) resume(party string) {
	for _, o := range l.offers {
		if o.sender != party {
			continue
		}
		l.after(l.o.Complete, func() { l.complete(o) })
		if !o.expires.After(l.now) {
			l.after(0, func() { l.expire(o) })
		}
	}
	for _, t := range l.transfers {
		if t.sender == party && !t.expires.After(l.now) {
			l.after(0, func() { l.lapse(t) })
		}
	}
}

// settleOffer is what a party does to an offer by its contract. What is gone is not found; the wordings were not verified.
func (l *Ledger) settleOffer(party, contract, verb string) (any, error) {
	for _, o := range l.offers {
		s := o.now()
		by := o.receiver
		if verb == "withdraw" {
			by = o.sender
		}
		if s.contract != contract || s.status != statusCreated || by != party {
			continue
		}
		switch verb {
		case "accept":
			if !l.now.Before(o.expires) {
				return nil, &refusal{http.StatusConflict, "UNHANDLED_EXCEPTION(9,0): the transfer offer has expired"}
			}
			l.turn(o, offerState{status: statusAccepted})
			l.after(l.o.Complete, func() { l.complete(o) })
			return map[string]any{"accepted_offer_contract_id": o.now().contract}, nil
		case "reject":
			l.turn(o, offerState{status: statusFailed, failure: failedRejected})
		default:
			l.turn(o, offerState{status: statusFailed, failure: failedWithdrawn})
		}
		return map[string]any{}, nil
	}
	return nil, absent("CONTRACT_NOT_FOUND(11,0): Contract could not be found with id " + contract)
}

// ingested is an offer's state as wallets know it, which learn of things later; false while they know nothing of it.
func (l *Ledger) ingested(o *offer) (s offerState, known bool) {
	for _, one := range o.past {
		if !one.since.Add(l.o.Ingest).After(l.now) {
			s, known = one, true
		}
	}
	return s, known
}

// offerStatus is what the sender's wallet tells of a tracking ID. Whether the receiver's would was not verified: here it does not.
func (l *Ledger) offerStatus(party, tracking string) (any, error) {
	if o := l.offerOf(party, tracking); o != nil {
		if s, known := l.ingested(o); known {
			return Offer{Status: s.status, Transaction: s.transaction, ContractID: s.contract, Failure: s.failure, Note: s.withdrawnCause}.state(), nil
		}
	}
	return nil, absent("Couldn't find transfer offer with tracking id " + tracking)
}

// offersOf are the contracts of offers that a party's wallet sees in a state.
func (l *Ledger) offersOf(party, status string) []any {
	list, template := []any{}, "pkg:Splice.Wallet.TransferOffer:TransferOffer"
	if status == statusAccepted {
		template = "pkg:Splice.Wallet.TransferOffer:AcceptedTransferOffer"
	}
	for _, o := range l.offers {
		if s, known := l.ingested(o); known && s.status == status && (o.sender == party || o.receiver == party) {
			list = append(list, l.dated(contract(template, s.contract, map[string]any{"sender": o.sender, "receiver": o.receiver, "dso": l.o.DSO,
				"amount": map[string]any{"amount": coinText(o.value), "unit": "AmuletUnit"}, "description": o.description, "expiresAt": stamp(o.expires), "trackingId": o.tracking}), s.since))
		}
	}
	return list
}

func (l *Ledger) dated(c map[string]any, at time.Time) map[string]any {
	c["created_at"] = stamp(at)
	return c
}
