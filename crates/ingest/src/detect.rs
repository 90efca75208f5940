//! Finds the columns of an export that were not named, by what such columns are called.

use std::sync::Arc;

use tenure_model::{Table, column as c};

use tenure_expression::plain;

// Names in small letters and digits only, with spaces between them; the surest first.

/// What customers' columns are called.
const CUSTOMER: &str = "
    customerid userid clientid memberid subscriberid accountid personid distinctid customernumber customerno
    customernr clientnumber membernumber accountnumber kundennr kundennummer kundenid kundeid nutzerid benutzerid
    mitgliedsnummer idclient numclient numéroclient numeroclient codeclient idutilisateur idcliente numerocliente
    númerocliente codigocliente códigocliente idusuario customer user client member subscriber account uid visitorid
    contactid buyerid buyer shopperid shopper donorid donor guestid patientid kunde nutzer benutzer mitglied käufer
    utilisateur cliente usuario customeremail useremail buyeremail email emailaddress mail adresseemail
    correoelectrónico correoelectronico
";

/// What times' columns are called.
const TIME: &str = "
    eventtime timestamp eventtimestamp time datetime createdat occurredat orderedat purchasedat orderdate
    orderdatetime ordertime ordereddate invoicedate purchasedate transactiondate transactiontime saledate salesdate
    paymentdate eventdate activitydate visitdate bestelldatum bestellzeit bestelltam kaufdatum rechnungsdatum
    buchungsdatum belegdatum zeitstempel zeitpunkt datecommande datedecommande dateachat datefacture horodatage
    horodateur dateheure fechapedido fechadepedido fechacompra fechadecompra fechafactura fechahora marcatemporal
    createdon createddate created createdutc createddateutc creationdate createtime orderedon purchasedon paidat
    date day datum zeit fecha ts timestampms unixtime epoch signupdate signedupat signedup signup registeredat
    registrationdate registered joineddate joinedat joindate
";

/// What events' columns are called.
const EVENT: &str = "
    event eventname eventtype action activity activitytype ereignis aktion aktivität événement evenement evento
    acción accion
";

/// What sign-up dates' columns are called.
const SIGNED_UP: &str = "
    signedup signedupat signedupon signupdate signupat signuptime signup registeredat registrationdate registeredon
    registered joinedat joineddate joindate joinedon joined membersince customersince firstseen createdat
    createddate createdon created createdutc createddateutc creationdate startdate startedat anmeldedatum
    registrierungsdatum registriertam kundeseit dateinscription inscritle fecharegistro fechaderegistro fechaalta
    date datum fecha
";

/// What starts of subscriptions are called.
const START: &str = "
    startedat startdate start startdateutc startutc starton startson subscriptionstart subscriptionstartdate
    subscribedat subscriptiondate begin begindate beginat activatedat activationdate effectivedate validfrom from
    createdat createdon created beginn startdatum vertragsbeginn abobeginn datedebut datedébut debut début
    fechainicio fechadeinicio inicio
";

/// What ends of subscriptions are called. When a cancellation was asked for is not one of them.
const END: &str = "
    endedat enddate end endedatutc endutc endson endon subscriptionend subscriptionenddate expiredat expirydate
    expirationdate expiresat terminatedat terminationdate churndate churnedat validto validuntil validtill until to
    ende enddatum vertragsende aboende datefin datedefin fin fechafin fechadefin
";

/// What ends of trials are called.
const TRIAL_END: &str = "
    trialend trialendsat trialendedat trialenddate trialendutc trialendson trialuntil testende finessai finprueba
";

/// What plans' columns are called.
const PLAN: &str = "
    plan planname plantier planid productname product tier subscriptionplan tarif tarifname produkt abo formule
    produit producto
";

/// What prices of subscriptions are called.
const AMOUNT: &str = "
    amount unitamount unitprice price planamount planprice recurringamount mrramount mrr monthlyprice monthlyamount
    monthlyfee fee betrag preis montant prix importe precio monto
";

/// What intervals of payment are called.
const INTERVAL: &str = "
    interval billinginterval billingperiod billingcycle billingfrequency subscriptionbillingperiod planinterval
    recurringinterval paymentinterval frequency period intervall abrechnungsintervall abrechnungszeitraum
    zahlungsintervall périodicité periodicite periodicidad
";

/// What quantities of subscriptions are called.
const QUANTITY: &str = "
    quantity qty planquantity seats seatcount licenses licences units menge anzahl plätze quantité quantite cantidad
";

/// What currencies' columns are called.
const CURRENCY: &str = "currency currencycode currencyiso währung waehrung devise monnaie moneda divisa";

/// What times of answers are called, beside those of any activity.
const ANSWERED: &str = "
    submittedat submitdate submitdateutc submittedon submissiondate respondedat responsedate answeredat answerdate
    completedat completiondate surveydate
";

/// What scores' columns are called.
const SCORE: &str = "
    score npsscore nps csatscore csat cesscore ces rating surveyscore satisfactionscore answer bewertung punktzahl
    punkte punktwert puntuación puntuacion calificación calificacion
";

/// What columns are called that say what a survey asks.
const KIND: &str = "kind surveytype surveykind scoretype metric umfragetyp";

/// What questions' columns are called.
const QUESTION: &str = "question questiontext questiontitle frage pregunta";

/// What scales' columns are called.
const SCALE: &str = "scale ratingscale skala escala";

/// What columns of free text are called.
const COMMENT: &str = "
    comment comments feedback feedbacktext feedbackcomment verbatim remark remarks kommentar anmerkung bemerkung
    commentaire commentaires comentario comentarios
";

/// What weights' columns are called.
const WEIGHT: &str = "weight sampleweight surveyweight gewicht poids peso";

/// What times of cancellations are called.
const CANCELLED: &str = "
    cancelledat canceledat cancelledon canceledon cancelleddate canceleddate canceldate cancellationdate
    cancelationdate cancellationtime cancelledatutc canceledatutc churndate churnedat churnedon churneddate leftat
    leavedate terminationdate endedat enddate kündigungsdatum kuendigungsdatum gekündigtam gekuendigtam
    datederésiliation daterésiliation dateresiliation fechacancelación fechacancelacion fechadecancelación fechabaja
";

/// What reasons' columns are called.
const REASON: &str = "
    reason reasoncode cancellationreason cancelationreason cancelreason churnreason churncategory reasonname
    kündigungsgrund kuendigungsgrund grund motif raison motivo razón razon
";

/// What a customers' export calls the customers' ids, beside what others do.
const OWN_ID: &str = "id";

/// The column that looks most like one of a table, among those that are not `taken`. `customer` is a role too. What an
/// activity is worth is not guessed.
pub(crate) fn column(table: Table, role: &str, header: &[Arc<str>], taken: &[usize]) -> Option<usize> {
    let names: &[&str] = match (table, role) {
        (Table::Customers, c::CUSTOMER) => &[CUSTOMER, OWN_ID],
        (_, c::CUSTOMER) => &[CUSTOMER],
        (Table::Surveys, c::TIME) => &[ANSWERED, TIME],
        (Table::Cancellations, c::TIME) => &[CANCELLED, TIME],
        (_, c::TIME) => &[TIME],
        (_, c::EVENT) => &[EVENT],
        (_, c::SIGNED_UP) => &[SIGNED_UP],
        (_, c::START) => &[START],
        (_, c::END) => &[END],
        (_, c::TRIAL_END) => &[TRIAL_END],
        (_, c::PLAN) => &[PLAN],
        (_, c::AMOUNT) => &[AMOUNT],
        (Table::Subscriptions, c::CURRENCY) => &[CURRENCY],
        (_, c::INTERVAL) => &[INTERVAL],
        (_, c::QUANTITY) => &[QUANTITY],
        (_, c::SCORE) => &[SCORE],
        (_, c::KIND) => &[KIND],
        (_, c::QUESTION) => &[QUESTION],
        (_, c::SCALE) => &[SCALE],
        (_, c::COMMENT) => &[COMMENT],
        (_, c::WEIGHT) => &[WEIGHT],
        (_, c::REASON) => &[REASON],
        _ => return None,
    };
    find(header, names, taken)
}

/// Whether a name says no more than that its column holds scores.
pub(crate) fn is_score(name: &str) -> bool {
    let name = plain(name);
    SCORE.split_whitespace().any(|score| score == name)
}

/// What a survey asks, by the name of its score's column.
pub(crate) fn survey_kind(score: &str) -> Option<&'static str> {
    const PARTS: [(&str, &[&str]); 3] = [
        ("nps", &["nps", "recommend", "empfehl", "recommand"]),
        ("csat", &["csat", "satisf", "zufrieden"]),
        ("ces", &["effort"]),
    ];
    let name = plain(score);
    if name == "ces" || name == "cesscore" {
        return Some("ces");
    }
    PARTS.iter().find(|(_, parts)| parts.iter().any(|part| name.contains(part))).map(|(kind, _)| *kind)
}

fn find(header: &[Arc<str>], lists: &[&str], taken: &[usize]) -> Option<usize> {
    let header: Vec<String> = header.iter().map(|name| plain(name)).collect();
    let free = |name: &str| header.iter().enumerate().find(|(place, column)| **column == *name && !taken.contains(place));
    lists.iter().flat_map(|names| names.split_whitespace()).find_map(|name| free(name).map(|(place, _)| place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(role: &str, header: &[Arc<str>]) -> Option<usize> {
        column(Table::Activity, role, header, &[])
    }

    fn customer(header: &[Arc<str>]) -> Option<usize> {
        role(c::CUSTOMER, header)
    }

    fn time(header: &[Arc<str>]) -> Option<usize> {
        role(c::TIME, header)
    }

    fn event(header: &[Arc<str>]) -> Option<usize> {
        role(c::EVENT, header)
    }

    fn header(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn the_surest_name_wins() {
        let names = header(&["email", "Created At", "user", "Customer ID", "date", "Event Name"]);
        assert_eq!((customer(&names), time(&names), event(&names)), (Some(3), Some(1), Some(5)));
        let names = header(&["a", "b"]);
        assert_eq!((customer(&names), time(&names), event(&names)), (None, None, None));
    }

    #[test]
    fn other_languages_and_signups() {
        let names = header(&["Bestellnummer", "Kunden-Nr.", "Bestelldatum", "Kunde", "Betrag"]);
        assert_eq!((customer(&names), time(&names)), (Some(1), Some(2)));
        assert_eq!(time(&header(&["user_id", "signup_date"])), Some(1));
        assert_eq!(time(&header(&["cliente", "fecha"])), Some(1));
        // An order is not a customer.
        assert_eq!(customer(&header(&["order_id", "Order Number", "id"])), None);
    }

    #[test]
    fn every_table_has_its_columns() {
        let names = header(&[
            "id",
            "account_id",
            "start_date",
            "end_date",
            "trial_end",
            "plan_tier",
            "price",
            "currency",
            "billing_frequency",
            "seats",
        ]);
        let found = |table: Table, role: &str, names: &[Arc<str>]| column(table, role, names, &[]);
        let subscriptions = ["customer", "start", "end", "trial_end", "plan", "amount", "currency", "interval", "quantity"];
        let places = subscriptions.map(|role| found(Table::Subscriptions, role, &names));
        assert_eq!(places, [1, 2, 3, 4, 5, 6, 7, 8, 9].map(Some));
        assert_eq!(column(Table::Subscriptions, "start", &names, &[2]), None);
        let names = header(&["id", "created_at"]);
        assert_eq!(found(Table::Customers, "customer", &names), Some(0));
        assert_eq!(found(Table::Customers, "signed_up", &names), Some(1));
        let names = header(&["user_id", "cancelled_at", "reason", "feedback", "created_at"]);
        let places = ["customer", "time", "reason", "comment"].map(|role| found(Table::Cancellations, role, &names));
        assert_eq!(places, [0, 1, 2, 3].map(Some));
        assert_eq!(found(Table::Activity, "value", &header(&["value", "amount"])), None);
        assert_eq!(found(Table::Activity, "currency", &header(&["currency"])), None);
    }

    #[test]
    fn scores_tell_what_is_asked() {
        assert_eq!(survey_kind("How likely are you to recommend us?"), Some("nps"));
        assert_eq!(survey_kind("Satisfaction (1-5)"), Some("csat"));
        assert_eq!(survey_kind("ces_score"), Some("ces"));
        assert_eq!(survey_kind("success"), None);
    }
}
