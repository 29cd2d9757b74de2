--
-- PostgreSQL database dump
--

\restrict SYRBhxXUdvSufnPyAWewwagMZBlMTRft1gZgOgLzIFc3TeOg8uXopdLB5clXYGV

-- Dumped from database version 18.6 (Debian 18.6-3)
-- Dumped by pg_dump version 18.6 (Debian 18.6-3)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'SQL_ASCII';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: participant; Type: SCHEMA; Schema: -; Owner: cnadmin
--

CREATE SCHEMA participant;


ALTER SCHEMA participant OWNER TO cnadmin;

--
-- Name: debug(); Type: FUNCTION; Schema: participant; Owner: cnadmin
--

CREATE FUNCTION participant.debug() RETURNS text
    LANGUAGE plpgsql
    AS $$
begin
  -- text that only looks like a dump:
  return '
COPY participant.lapi_parameters (ledger_end, participant_id) FROM stdin;
999	nobody
\.
-- PostgreSQL database dump complete
';
end $$;


ALTER FUNCTION participant.debug() OWNER TO cnadmin;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: common_node_id; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.common_node_id (
    identifier character varying NOT NULL,
    namespace character varying NOT NULL
);


ALTER TABLE participant.common_node_id OWNER TO cnadmin;

--
-- Name: lapi_parameters; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.lapi_parameters (
    ledger_end bigint,
    participant_id character varying NOT NULL COLLATE pg_catalog."C",
    participant_pruned_up_to_inclusive bigint,
    ledger_end_sequential_id bigint,
    ledger_end_string_interning_id integer,
    ledger_end_publication_time bigint
);


ALTER TABLE participant.lapi_parameters OWNER TO cnadmin;

--
-- Name: med_response_aggregations; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.med_response_aggregations (
    request_id bigint NOT NULL,
    verdict bytea NOT NULL
);


ALTER TABLE participant.med_response_aggregations OWNER TO cnadmin;

--
-- Name: mediator_synchronizer_configuration; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.mediator_synchronizer_configuration (
    lock character(1) DEFAULT 'X'::bpchar NOT NULL,
    synchronizer_id character varying NOT NULL
);


ALTER TABLE participant.mediator_synchronizer_configuration OWNER TO cnadmin;

--
-- Name: par_contracts; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.par_contracts (
    contract_id bytea NOT NULL,
    instance bytea NOT NULL,
    note text
);


ALTER TABLE participant.par_contracts OWNER TO cnadmin;

--
-- Name: seq_block_height; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.seq_block_height (
    height bigint NOT NULL,
    latest_event_ts bigint NOT NULL,
    latest_sequencer_event_ts bigint
);


ALTER TABLE participant.seq_block_height OWNER TO cnadmin;

--
-- Name: sequencer_lower_bound; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.sequencer_lower_bound (
    single_row_lock character(1) DEFAULT 'X'::bpchar NOT NULL,
    ts bigint NOT NULL
);


ALTER TABLE participant.sequencer_lower_bound OWNER TO cnadmin;

--
-- Name: sequencer_members; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.sequencer_members (
    member character varying NOT NULL,
    id integer NOT NULL,
    registered_ts bigint NOT NULL,
    enabled boolean DEFAULT true NOT NULL
);


ALTER TABLE participant.sequencer_members OWNER TO cnadmin;

--
-- Name: sequencer_members_id_seq; Type: SEQUENCE; Schema: participant; Owner: cnadmin
--

CREATE SEQUENCE participant.sequencer_members_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER SEQUENCE participant.sequencer_members_id_seq OWNER TO cnadmin;

--
-- Name: sequencer_members_id_seq; Type: SEQUENCE OWNED BY; Schema: participant; Owner: cnadmin
--

ALTER SEQUENCE participant.sequencer_members_id_seq OWNED BY participant.sequencer_members.id;


--
-- Name: sequencer_synchronizer_configuration; Type: TABLE; Schema: participant; Owner: cnadmin
--

CREATE TABLE participant.sequencer_synchronizer_configuration (
    lock character(1) DEFAULT 'X'::bpchar NOT NULL,
    synchronizer_id character varying NOT NULL
);


ALTER TABLE participant.sequencer_synchronizer_configuration OWNER TO cnadmin;

--
-- Name: sequencer_members id; Type: DEFAULT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.sequencer_members ALTER COLUMN id SET DEFAULT nextval('participant.sequencer_members_id_seq'::regclass);


--
-- Name: common_node_id common_node_id_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.common_node_id
    ADD CONSTRAINT common_node_id_pkey PRIMARY KEY (identifier, namespace);


--
-- Name: med_response_aggregations med_response_aggregations_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.med_response_aggregations
    ADD CONSTRAINT med_response_aggregations_pkey PRIMARY KEY (request_id);


--
-- Name: mediator_synchronizer_configuration mediator_synchronizer_configuration_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.mediator_synchronizer_configuration
    ADD CONSTRAINT mediator_synchronizer_configuration_pkey PRIMARY KEY (lock);


--
-- Name: par_contracts par_contracts_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.par_contracts
    ADD CONSTRAINT par_contracts_pkey PRIMARY KEY (contract_id);


--
-- Name: seq_block_height seq_block_height_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.seq_block_height
    ADD CONSTRAINT seq_block_height_pkey PRIMARY KEY (height);


--
-- Name: sequencer_lower_bound sequencer_lower_bound_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.sequencer_lower_bound
    ADD CONSTRAINT sequencer_lower_bound_pkey PRIMARY KEY (single_row_lock);


--
-- Name: sequencer_members sequencer_members_id_key; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.sequencer_members
    ADD CONSTRAINT sequencer_members_id_key UNIQUE (id);


--
-- Name: sequencer_members sequencer_members_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.sequencer_members
    ADD CONSTRAINT sequencer_members_pkey PRIMARY KEY (member);


--
-- Name: sequencer_synchronizer_configuration sequencer_synchronizer_configuration_pkey; Type: CONSTRAINT; Schema: participant; Owner: cnadmin
--

ALTER TABLE ONLY participant.sequencer_synchronizer_configuration
    ADD CONSTRAINT sequencer_synchronizer_configuration_pkey PRIMARY KEY (lock);


--
-- PostgreSQL database dump complete
--

\unrestrict SYRBhxXUdvSufnPyAWewwagMZBlMTRft1gZgOgLzIFc3TeOg8uXopdLB5clXYGV

