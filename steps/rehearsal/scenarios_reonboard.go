package rehearsal

import (
	"bytes"
	"time"

	"canton.example/svrescue/steps/wire"
	svapp "canton.example/svrescue/svapp/sim"
)

// reonboardScenarios are those of a re-onboarding, in the order in which they are best learnt.
func reonboardScenarios() []Scenario {
	return []Scenario{reonboardClean(), voteRejected(), voteExpires(), foreignIdentities(), importMismatch(), answerLost(), offerExpires(), operatorMachineLost(), keysInKMS()}
}

// reonboardClean is the whole way. One scan is silent, one behind, one lies: that is an ordinary day.
func reonboardClean() Scenario {
	return replacing("reonboard-clean", "A lost node without a backup set", "the whole way: offboarding, the recovery validator, the fresh SV, the transfer; Secrets that you do not make, a colleague makes after a few minutes", wire.Recovered,
		Books{Votes: []svapp.VotePlan{vote(9, 0)}, Lying: 1})
}

func voteRejected() Scenario {
	return replacing("reonboard-vote-rejected", "The other SVs reject the offboarding", "that nothing is deployed while the lost SV is a member, and that people have to be asked why: the run ends there", wire.Failed,
		Books{Votes: []svapp.VotePlan{vote(3, 5)}}, "five of the other SVs reject the vote")
}

func voteExpires() Scenario {
	first, again := vote(6, 0), vote(9, 0)
	first.Lasts = 5 * time.Minute
	again.Opens = voteOpens + first.Lasts + voteOpens
	return replacing("reonboard-vote-expires", "The vote expires, and is proposed again", "that a vote which nobody drives comes to nothing, and that the next one starts from nothing", wire.Recovered,
		Books{Votes: []svapp.VotePlan{first, again}}, "six of nine votes come in before the vote expires; it is proposed again afterwards")
}

func foreignIdentities() Scenario {
	s := replacing("reonboard-foreign-identities", "The identities of another SV", "that a dump of another SV boots without a complaint, and only shows as a wrong party: so it is compared before the vote, and the run ends there", wire.Failed,
		Books{Votes: []svapp.VotePlan{vote(9, 0)}}, "the only identities backup is that of another SV")
	s.Saved = reonboardFiles(holderOf(nameOfPeer(4)))
	return s
}

func importMismatch() Scenario {
	return replacing("reonboard-import-mismatch", "An import that fails", "what ACS_COMMITMENT_MISMATCH means here, and that the next try needs an identifier that was never used, and an empty database", wire.Recovered,
		Books{Votes: []svapp.VotePlan{vote(9, 0)}, Import: Import{Fails: ACSMismatch, Times: 1}}, "the import fails with ACS_COMMITMENT_MISMATCH and Unknown secret under the first identifier")
}

func answerLost() Scenario {
	return replacing("reonboard-answer-lost", "An answer that is lost after the transfer was made", "that a payment without an answer is asked for and not sent again", wire.Recovered,
		Books{Votes: []svapp.VotePlan{vote(9, 0)}, Unasked: true, Faults: []svapp.Fault{{Call: "offer", Do: svapp.CutAfter, Count: 2}, {Call: "transfer", Do: svapp.CutAfter, Count: 2}, {Call: "accept", Do: svapp.CutAfter}}},
		"the connection breaks after the ledger has taken each of the first two transfers, and the first acceptance")
}

// offerExpires is the one with fees: what arrives is less than what there was, and explained.
func offerExpires() Scenario {
	return replacing("reonboard-offer-expires", "An offer that expires before it is accepted", "that an offer has an end, that a new one is made only when the old one is proven gone, and what fees take", wire.Recovered,
		Books{Votes: []svapp.VotePlan{vote(9, 0)}, HoldingFee: "0.0000190259", TransferFee: "0.0300000000", OfferLasts: 5 * time.Minute, Faults: []svapp.Fault{{Call: "accept", Do: svapp.NotNow, FirstOffer: true}}},
		"the fresh SV's wallet cannot accept for a long while: the first offer expires", "holding fees and transfer fees apply")
}

// operatorMachineLost is for two machines: the one that made the transfer is gone before it knew what came of it. Played by one alone, it is an answer
// that is lost.
func operatorMachineLost() Scenario {
	return replacing("reonboard-operator-gone", "The operator's machine is lost after the transfer was made", "that what was meant is in the cluster before it is sent, so that another machine cannot pay twice", wire.Recovered,
		Books{Votes: []svapp.VotePlan{vote(9, 0)}, Faults: []svapp.Fault{{Call: "offer", Do: svapp.CutAfter}, {Call: "transfer", Do: svapp.CutAfter}}},
		"the ledger takes the first transfer, and its answer is lost: end the worker there, and let another machine go on with svrescue runs export and import")
}

// keysInKMS is a participant whose keys are in a KMS. The dump names them, and the recovery validator needs the KMS in its values: they are those that
// the lost participant had.
func keysInKMS() Scenario {
	s := replacing("reonboard-kms", "The keys are in a KMS", "that the dump holds no key then: what has to be tried before the vote, and that the KMS belongs into the values of the recovery validator", wire.Recovered,
		Books{Votes: []svapp.VotePlan{vote(9, 0)}}, "the lost participant had its keys in a KMS, and the identities backup only names them")
	files := s.Saved
	s.Saved = func(now time.Time) (map[string][]byte, error) {
		all, err := files(now)
		if err != nil {
			return nil, err
		}
		participant := ValuesFolder + "/" + savedFiles(node(now))[node(now).Participant()] + ".yaml"
		all[participant] = append(bytes.TrimPrefix(all[participant], []byte("{}\n")), "kms: {type: aws, region: eu-central-1}\n"...)
		all[IdentitiesFolder+"/"+IdentitiesFile], err = lost().dumpedRemote()
		return all, err
	}
	return s
}
