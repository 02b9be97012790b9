"""The objects of the org, as data: people and companies, deals, campaigns, and what was said.

Source: Object Reference for the Salesforce Platform, API 63.0; key prefixes from the help page "Standard Field Record ID Prefix".
"""

from sandbox.salesforce.schema import (
    Field,
    address,
    date,
    email,
    fixed,
    flag,
    long_text,
    moment,
    money,
    number,
    phone,
    pick,
    ref,
    shown,
    text,
    thing,
    whole,
)

OWNER = ref("OwnerId", "User")
LAST_ACTIVITY = shown(date("LastActivityDate"))
SALUTATION = pick("Salutation", "Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx.")
NAMES = (text("LastName", 80, required=True), text("FirstName", 40), SALUTATION, *shown(text("Name", 121)))
SOURCE = pick("LeadSource", "Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
INDUSTRY = pick(
    "Industry", "Banking", "Consulting", "Education", "Energy", "Finance", "Healthcare", "Insurance", "Manufacturing", "Media",
    "Not For Profit", "Retail", "Technology", "Transportation", "Other",
)  # fmt: skip
RATING = pick("Rating", "Hot", "Warm", "Cold")
NOTES = long_text("Description")
BOUNCED = (text("EmailBouncedReason"), moment("EmailBouncedDate"))

STAGES = {
    "Prospecting": (10, "Pipeline"), "Qualification": (10, "Pipeline"), "Needs Analysis": (20, "Pipeline"),
    "Value Proposition": (50, "Pipeline"), "Id. Decision Makers": (60, "Pipeline"), "Perception Analysis": (70, "Pipeline"),
    "Proposal/Price Quote": (75, "Pipeline"), "Negotiation/Review": (90, "Pipeline"), "Closed Won": (100, "Closed"),
    "Closed Lost": (0, "Omitted"),
}  # fmt: skip
"""Stages of a new org with their probability in percent and forecast category."""

INDIVIDUAL = thing(
    "Individual", "0PK",
    *shown(ref("MasterRecordId", "Individual", relation="MasterRecord")), *NAMES, OWNER, flag("HasOptedOutTracking"),
    flag("HasOptedOutProfiling"), flag("HasOptedOutProcessing"), flag("HasOptedOutSolicit"), flag("ShouldForget"),
    flag("SendIndividualData"), flag("CanStorePiiElsewhere"), flag("HasOptedOutGeoTracking"), date("BirthDate"),
    pick("IndividualsAge", "13 or Older", "16 or Older"),
)  # fmt: skip
"""Source: https://developer.salesforce.com/docs/platform/object-reference/references/standard-objects/object-individual.html"""
ACCOUNT = thing(
    "Account", "001",
    *shown(ref("MasterRecordId", "Account", relation="MasterRecord")), text("Name", required=True),
    pick("Type", "Prospect", "Customer - Direct", "Customer - Channel", "Channel Partner / Reseller", "Other"),
    ref("ParentId", "Account"), *address("Billing"), *address("Shipping"), phone("Phone"), phone("Fax"),
    text("AccountNumber", 40), Field("Website", "url", length=255), text("Sic", 20), INDUSTRY, money("AnnualRevenue", 0),
    whole("NumberOfEmployees"), pick("Ownership", "Public", "Private", "Subsidiary", "Other"), text("TickerSymbol", 20), NOTES,
    RATING, text("Site", 80), OWNER, *LAST_ACTIVITY, pick("AccountSource", *SOURCE.values),
)  # fmt: skip
CONTACT = thing(
    "Contact", "003",
    *shown(ref("MasterRecordId", "Contact", relation="MasterRecord")), ref("AccountId", "Account"), *NAMES, *address("Other"),
    *address("Mailing"), phone("Phone"), phone("Fax"), phone("MobilePhone"), phone("HomePhone"), phone("OtherPhone"),
    phone("AssistantPhone"), ref("ReportsToId", "Contact"), email("Email"), text("Title", 128), text("Department", 80),
    text("AssistantName", 40), SOURCE, date("Birthdate"), NOTES, OWNER, flag("HasOptedOutOfEmail"), flag("HasOptedOutOfFax"),
    flag("DoNotCall"), *LAST_ACTIVITY, *BOUNCED, *shown(flag("IsEmailBounced")), ref("IndividualId", "Individual"),
)  # fmt: skip
LEAD = thing(
    "Lead", "00Q",
    *shown(ref("MasterRecordId", "Lead", relation="MasterRecord")), *NAMES, text("Title", 128),
    text("Company", required=True), *address(""), phone("Phone"), phone("MobilePhone"), phone("Fax"), email("Email"),
    Field("Website", "url", length=255), NOTES, SOURCE,
    pick("Status", "Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted",
         default="Open - Not Contacted"),
    INDUSTRY, RATING, money("AnnualRevenue", 0), whole("NumberOfEmployees"), OWNER, flag("HasOptedOutOfEmail"),
    *shown(flag("IsConverted"), date("ConvertedDate"), ref("ConvertedAccountId", "Account"),
           ref("ConvertedContactId", "Contact"), ref("ConvertedOpportunityId", "Opportunity")),
    flag("IsUnreadByOwner"), *LAST_ACTIVITY, flag("DoNotCall"), flag("HasOptedOutOfFax"), *BOUNCED,
    ref("IndividualId", "Individual"),
)  # fmt: skip
OPPORTUNITY = thing(
    "Opportunity", "006",
    ref("AccountId", "Account"), flag("IsPrivate"), text("Name", 120, required=True), NOTES,
    pick("StageName", *STAGES, required=True), money("Amount"), Field("Probability", "percent", precision=3),
    *shown(money("ExpectedRevenue")), number("TotalOpportunityQuantity", 18, 2), date("CloseDate", required=True),
    pick("Type", "Existing Customer - Upgrade", "Existing Customer - Replacement", "New Customer"), text("NextStep"), SOURCE,
    *shown(flag("IsClosed"), flag("IsWon"), pick("ForecastCategory", "Omitted", "Pipeline", "BestCase", "Forecast", "Closed")),
    ref("CampaignId", "Campaign"), *shown(flag("HasOpportunityLineItem")), OWNER, *LAST_ACTIVITY,
    ref("ContactId", "Contact", updateable=False),
)  # fmt: skip
OPPORTUNITY_CONTACT_ROLE = thing(
    "OpportunityContactRole", "00K",
    fixed(ref("OpportunityId", "Opportunity", required=True)), ref("ContactId", "Contact", required=True),
    pick("Role", "Business User", "Decision Maker", "Economic Buyer", "Economic Decision Maker", "Evaluator",
         "Executive Sponsor", "Influencer", "Technical Buyer", "Other"),
    flag("IsPrimary"),
)  # fmt: skip

SUBJECT = Field("Subject", "combobox", length=255, values=("Call", "Email", "Send Letter", "Send Quote", "Other"))
WHO = ref("WhoId", "Contact", "Lead")
WHAT = ref("WhatId", "Account", "Opportunity", "Campaign", "Case")
ARCHIVED = shown(ref("AccountId", "Account"), flag("IsArchived"))
TASK = thing(
    "Task", "00T",
    WHO, WHAT, SUBJECT, date("ActivityDate"),
    pick("Status", "Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred", default="Not Started"),
    pick("Priority", "High", "Normal", "Low", default="Normal"), *shown(flag("IsHighPriority")), OWNER, NOTES,
    pick("Type", "Call", "Meeting", "Other", "Email"), *shown(flag("IsClosed")), *ARCHIVED, whole("CallDurationInSeconds"),
    pick("CallType", "Internal", "Inbound", "Outbound"), text("CallDisposition"), text("CallObject"),
    fixed(pick("TaskSubtype", "Task", "Email", "Call", "ListEmail", "Cadence", "LinkedIn", default="Task")),
    *shown(moment("CompletedDateTime")),
)  # fmt: skip
EVENT = thing(
    "Event", "00U",
    WHO, WHAT, SUBJECT, text("Location"), flag("IsAllDayEvent"), moment("ActivityDateTime"), date("ActivityDate"),
    whole("DurationInMinutes"), moment("StartDateTime"), moment("EndDateTime"), NOTES, OWNER,
    pick("Type", "Email", "Meeting", "Other", "Call"), flag("IsPrivate"), pick("ShowAs", "Busy", "OutOfOffice", "Free"), *ARCHIVED,
    fixed(pick("EventSubtype", "Event", default="Event")),
)  # fmt: skip
CASE = thing(
    "Case", "500",
    *shown(text("CaseNumber", 30)), ref("ContactId", "Contact"), ref("AccountId", "Account"), ref("ParentId", "Case"),
    text("SuppliedName", 80), email("SuppliedEmail"), text("SuppliedPhone", 40), text("SuppliedCompany", 80),
    pick("Type", "Mechanical", "Electrical", "Electronic", "Structural", "Other"),
    pick("Status", "New", "Working", "Escalated", "Closed", default="New"), pick("Reason", "Installation", "Performance", "Other"),
    pick("Origin", "Phone", "Email", "Web"), text("Subject"), pick("Priority", "High", "Medium", "Low", default="Medium"), NOTES,
    *shown(flag("IsClosed"), moment("ClosedDate")), flag("IsEscalated"), OWNER,
)  # fmt: skip
CASE_COMMENT = thing(
    "CaseComment", "00a",
    fixed(ref("ParentId", "Case", required=True)), flag("IsPublished"), long_text("CommentBody", 4_000),
)  # fmt: skip
EMAIL_MESSAGE = thing(
    "EmailMessage", "02s",
    fixed(ref("ParentId", "Case")), fixed(ref("ActivityId", "Task")), long_text("TextBody"), long_text("HtmlBody"),
    long_text("Headers"), text("Subject", 3_000), text("FromName", 1_000), email("FromAddress", 1_000),
    text("ToAddress", 4_000), text("CcAddress", 4_000), text("BccAddress", 4_000), flag("Incoming"),
    *shown(flag("HasAttachment")), pick("Status", "0", "1", "2", "3", "4", "5", restricted=True), moment("MessageDate"),
    text("MessageIdentifier", 765), text("ThreadIdentifier", 765), flag("IsClientManaged"),
    ref("RelatedToId", "Account", "Opportunity", "Campaign", "Case"),
)  # fmt: skip
CAMPAIGN = thing(
    "Campaign", "701",
    text("Name", 80, required=True), ref("ParentId", "Campaign"),
    pick("Type", "Conference", "Webinar", "Trade Show", "Public Relations", "Partners", "Referral Program", "Advertisement",
         "Banner Ads", "Direct Mail", "Email", "Telemarketing", "Other"),
    pick("Status", "Planned", "In Progress", "Completed", "Aborted", default="Planned"), date("StartDate"), date("EndDate"),
    money("ExpectedRevenue", 0), money("BudgetedCost", 0), money("ActualCost", 0), number("ExpectedResponse", 10, 2),
    number("NumberSent", 18, 0), flag("IsActive"), NOTES, *LAST_ACTIVITY, OWNER,
)  # fmt: skip
CAMPAIGN_MEMBER = thing(
    "CampaignMember", "00v",
    fixed(ref("CampaignId", "Campaign", required=True)), fixed(ref("LeadId", "Lead")), fixed(ref("ContactId", "Contact")),
    pick("Status", "Sent", "Responded", default="Sent"), *shown(flag("HasResponded"), date("FirstRespondedDate")),
    *shown(ref("LeadOrContactId", "Contact", "Lead"), text("Type", 40)),
)  # fmt: skip

BUSINESS = (
    INDIVIDUAL, ACCOUNT, CONTACT, LEAD, OPPORTUNITY, OPPORTUNITY_CONTACT_ROLE, TASK, EVENT, CASE, CASE_COMMENT, EMAIL_MESSAGE,
    CAMPAIGN, CAMPAIGN_MEMBER,
)  # fmt: skip
